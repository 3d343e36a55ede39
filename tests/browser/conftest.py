"""A real Chromium at a real master."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.back_office import BackOffice
from tests.support.chromium import chromium
from tests.support.mail_server import MailServer, serving
from tests.support.master import UnusedMaster
from tests.support.sample import fill
from tests.support.screen import Person, Screen
from tests.support.web_site import WebSite

from tenantry.engine import Engine

OpenScreen = Callable[..., Screen]

expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ended with its file, because no other code can use asyncio in this thread until then."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def new_office(master: Engine, unused_master: UnusedMaster) -> BackOffice:
    """A back office that has not been used yet."""
    unused_master.put_back()
    return BackOffice(master)


@pytest.fixture(scope="module")
def operator(new_office: BackOffice) -> Person:
    """A manager of the SaaS without other administrator's rights."""
    return _user(new_office, "saas_manager.group_saas_administrator")


@pytest.fixture(scope="module")
def administrator(new_office: BackOffice) -> Person:
    """An administrator, who may also change the settings."""
    return _user(new_office, "saas_manager.group_saas_administrator", "base.group_system")


@pytest.fixture(scope="module")
def office(new_office: BackOffice) -> BackOffice:
    """A back office with a ready template."""
    new_office.template("tiny", "web")
    return new_office


@pytest.fixture
def mails(office: BackOffice) -> Iterator[MailServer]:
    """The back office's mail server."""
    with serving(office) as server:
        yield server
    # The job that tells the engine may come too late: the next file puts another master in this one's place.
    office.engine.mail.unset()


@pytest.fixture(scope="module")
def site() -> Iterator[WebSite]:
    """A web site beside the master."""
    site = WebSite()
    site.start()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def sample(office: BackOffice) -> Iterator[dict[str, int]]:
    """A back office with records in every state; the ids of some of them."""
    yield fill(office)
    live = [["state", "not in", ["draft", "terminated", "failed"]]]
    office.terminate(*office.call("saas.instance", "search", live))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for screenshots: TENANTRY_SCREENSHOTS, or pytest's own folder."""
    wanted = os.environ.get("TENANTRY_SCREENSHOTS")
    folder = Path(wanted) if wanted else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def screens(browser: Browser, master: Engine, pictures: Path) -> OpenScreen:
    """A screen for each size and person; each person logs in once."""
    known: dict[tuple[str, Person], Screen] = {}

    def at(person: Person, size: str = "desktop") -> Screen:
        if (size, person) not in known:
            known[size, person] = Screen(browser, size, master.master.url, pictures)
            known[size, person].log_in(person)
        return known[size, person]

    return at


@pytest.fixture(scope="module")
def speaker(office: BackOffice) -> Callable[[str], Person]:
    """A manager of the SaaS who reads another language."""
    return lambda language: _user(office, "saas_manager.group_saas_administrator", lang=language)


def _user(office: BackOffice, *groups: str, **more: str) -> Person:
    login, password = f"user-{secrets.token_hex(3)}", secrets.token_hex(12)
    ids = [_group(office, group) for group in ("base.group_user", *groups)]
    # The welcome message of Odoo's bot would cover the screen.
    values = {
        "name": "Olivia Operator",
        "login": login,
        "password": password,
        "odoobot_state": "disabled",
        **more,
    }
    office.call("res.users", "create", [{**values, "group_ids": [[6, 0, ids]]}])
    return Person(login, password)


def _group(office: BackOffice, xmlid: str) -> int:
    module, name = xmlid.split(".")
    return office.read("ir.model.data", office.find("ir.model.data", module=module, name=name), "res_id")[
        "res_id"
    ]
