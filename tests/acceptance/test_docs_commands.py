"""The documented commands do what the documentation says, on a machine like a reader's."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.api_client import ApiClient, set_hourly_limit
from tests.support.back_office import BackOffice
from tests.support.console import Shell, missing_line
from tests.support.master import UnusedMaster, ask_inside
from tests.support.pages import ROOT, Fence, fences, pages

from tenantry.engine import Engine

_BUILT = ("blank", "restaurant", "agency")
_RECIPE = 'modules = ["web"]\n'
"""Building the pages' templates takes more than a minute; here they are the smallest usable ones."""

_PASSWORD = re.compile(r"\(\d+ characters.*\)$")
"""What stands for a password in the pages."""

_MAKE_ANN = """
from odoo.tests import new_test_user
users = env["res.users"].with_context(no_reset_password=True)
ann = users.search([("login", "=", "ann@example.com")]) or new_test_user(
    env, "ann@example.com", "saas_manager.group_saas_administrator", name="Ann", password="ann" * 3
)
answer = env["res.users.apikeys"].with_user(ann).sudo()._generate("saas", "docs", None)
env.cr.commit()
"""


def _is_run(fence: Fence) -> bool:
    return fence.language in ("console", "python") and "not run" not in fence.notes


_PAGES = [page for page in pages() if any(map(_is_run, fences(page)))]


@pytest.fixture(scope="module")
def key(master: Engine) -> str:
    return ask_inside(master, _MAKE_ANN)


@pytest.fixture(scope="module")
def recipes(master: Engine) -> Iterator[None]:
    folder = master.settings.installation.recipe_dir
    folder.mkdir(exist_ok=True)
    for code in _BUILT:
        (folder / f"{code}.toml").write_text(_RECIPE)
    yield
    for code in _BUILT:
        (folder / f"{code}.toml").unlink()
        if code in {template.code for template in master.templates.all()}:
            master.templates.drop(code)


@pytest.fixture
def shell(master: Engine, recipes: None, key: str, tmp_path: Path) -> Iterator[Shell]:
    """The environment of a new user: one request has failed, and no instance exists."""
    office = BackOffice(master)
    office.template("tiny", "web")
    set_hourly_limit(office, 0)
    _terminate_all(office)
    _fail(office, ApiClient(f"{master.master.url}/api", key))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TENANTRY_")},
        **master.settings.to_environment(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "COLUMNS": "200",
        "BROWSER": "true",
        "KEY": key,
    }
    url = master.master.url
    replaced = {
        # A key can be typed at a terminal only.
        "$ tenantry login https:": '$ printf %s "$KEY" | tenantry login --key-stdin https:',
        "https://office.example.com": url,
        "Bearer KEY": f"Bearer {key}",
    }
    with Shell(tmp_path, environment, replaced) as shell:
        yield shell
    _terminate_all(BackOffice(master))


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_work_as_printed(page: Path, shell: Shell):
    for fence in filter(_is_run, fences(page)):
        shell.do(fence)


def test_the_demo_prints_what_the_readme_shows(shell: Shell, unused_master: UnusedMaster):
    (shown,) = [fence for fence in fences(ROOT / "README.md") if fence.language == "text"]
    lines = [_PASSWORD.sub("...", line) for line in shown.text.splitlines()]
    assert sum(line.endswith("...") for line in lines) == 2
    try:
        status, printed = shell._run("tenantry demo", "")
        assert status == 0, printed
        assert missing_line([shell._as_here(line) for line in lines], printed) is None, printed
        assert len(re.findall(r"Password\s+\S{23}\b", printed)) == 2
    finally:
        unused_master.put_back()


def test_shown_output_must_be_printed_in_its_order():
    printed = "acme is running 0.74 s after the button\n  URL   http://acme.localhost:18069\n"
    assert missing_line(["acme is running 12 s ...", "URL http://acme.localhost:8069"], printed) is None
    assert (
        missing_line(["URL http://acme.localhost:8069", "acme is running ..."], printed)
        == "acme is running ..."
    )
    assert missing_line(["acme is stopped"], printed) == "acme is stopped"


def _terminate_all(office: BackOffice) -> None:
    office.terminate(*office.call("saas.instance", "search", [["state", "not in", ["draft", "terminated"]]]))
    for stray in office.engine.instances.all():
        office.engine.instances.terminate(stray.name)


def _fail(office: BackOffice, api: ApiClient) -> None:
    """A request for a country that its Odoo did not know; the operator has corrected that since."""
    office.nowhere()
    whose = {"clientName": "globex", "adminEmail": "admin@globex.example", "companyName": "Globex"}
    asked = api.post("/instances", {**whose, "country": "QQ"}).json()
    assert api.wait(f"/instances/{asked['instanceId']}", "status", {"ready", "failed"})["status"] == "failed"
    office.call("saas.instance", "write", [office.live("globex")], {"country_id": False})
