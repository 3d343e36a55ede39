"""The command line, used by a person and by a program."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.inventory import orphans
from tests.support.killed import run_and_kill
from tests.support.master import remove_master
from tests.support.odoo_client import WebClient
from tests.support.tenants import create

from tenantry.engine import Engine
from tenantry.errors import MasterNotInstalled
from tenantry.model.names import MASTER_DATABASE
from tenantry.model.secret import Secret

Run = subprocess.CompletedProcess[str]


@pytest.fixture
def tenantry(engine: Engine):
    """Run the installed command on the test's installation."""
    environment = {
        **os.environ,
        "TENANTRY_HOME": str(engine.settings.home),
        "TENANTRY_CACHE": str(engine.settings.installation.cache),
        "TENANTRY_CONFIG": str(engine.settings.home / "config"),
        "TENANTRY_MASTER": "",
        "COLUMNS": "200",
    }

    def run(*arguments: str, stdin: str = "", **more: str) -> Run:
        command = [str(Path(sys.executable).with_name("tenantry")), *arguments]
        return subprocess.run(
            command,
            env={**environment, **more},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@contextmanager
def running(engine: Engine, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The installed command, which does not end by itself."""
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("tenantry")), *arguments],
        env={**os.environ, "TENANTRY_HOME": str(engine.settings.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.fixture(autouse=True)
def clean(engine: Engine) -> Iterator[None]:
    yield
    for instance in engine.instances.all():
        engine.instances.terminate(instance.name)


def test_create_prints_the_address_the_login_and_the_time(tenantry):
    result = tenantry("create", "acme", "admin@acme.example", "--template", "tiny", "--company", "Acme")
    assert result.returncode == 0, result.stderr
    for expected in ("http://acme.localhost:", "admin@acme.example", "Password", "Database  acme", " s ("):
        assert expected in result.stdout
    assert "sanitize" in result.stderr


def test_logs_are_followed_until_ctrl_c(engine: Engine):
    create(engine)
    log = engine.settings.log_dir / "tenants" / "acme.log"
    with running(engine, "logs", "acme", "-n", "1", "--follow") as followed:
        assert followed.stdout.readline()
        with log.open("a") as stream:
            stream.write("a \x1b[31mnew line\n")
        assert followed.stdout.readline() == "a \N{REPLACEMENT CHARACTER}[31mnew line\n"
        followed.send_signal(signal.SIGINT)
        assert followed.wait(30) == 0
        assert "nterrupted" not in followed.stderr.read()


def test_following_a_log_ends_when_the_instance_is_terminated(engine: Engine):
    create(engine)
    with running(engine, "logs", "acme", "-n", "1", "--follow", "--json") as followed:
        assert json.loads(followed.stdout.readline())["line"]
        engine.instances.terminate("acme")
        assert followed.wait(30) == 0


def test_create_prints_the_same_as_json(tenantry, engine: Engine):
    result = tenantry("create", "acme", "admin@acme.example", "--template", "tiny", "--json")
    creation = json.loads(result.stdout)
    assert creation["instance"]["state"] == "active"
    assert creation["login"] == "admin@acme.example"
    assert len(creation["password"]) == 23
    steps = [json.loads(line) for line in result.stderr.splitlines()]
    assert steps[-1]["step"] == "activate"
    assert steps[-1]["fraction"] == 1.0


def test_an_instance_is_listed_changed_and_terminated(tenantry):
    tenantry("create", "acme", "admin@acme.example", "--template", "tiny")
    assert "active" in tenantry("instance", "list").stdout
    assert tenantry("instance", "suspend", "acme").returncode == 0
    assert json.loads(tenantry("instance", "show", "acme", "--json").stdout)["state"] == "suspended"
    assert tenantry("instance", "reactivate", "acme").returncode == 0
    assert json.loads(tenantry("instance", "open", "acme", "--json").stdout)["url"].startswith("http://acme.")
    for typed in ("another\n", ""):
        assert tenantry("instance", "terminate", "acme", stdin=typed).returncode == 2
    assert "acme" in tenantry("instance", "list").stdout
    assert tenantry("instance", "terminate", "acme", stdin="acme\n").returncode == 0
    assert json.loads(tenantry("instance", "list", "--json").stdout) == []


def test_an_instance_is_stopped_started_renamed_and_given_domains_and_modules(tenantry):
    tenantry("create", "acme", "admin@acme.example", "--template", "tiny")
    assert "acme is stopped." in tenantry("instance", "stop", "acme").stdout
    assert "acme is active" in tenantry("instance", "start", "acme").stdout
    assert json.loads(tenantry("instance", "restart", "acme", "--json").stdout)["state"] == "active"
    assert "odoo.acme.example" in tenantry("instance", "domains", "acme", "odoo.acme.example").stdout
    assert "http://zenith.localhost:" in tenantry("instance", "rename", "acme", "zenith").stdout
    shown = json.loads(tenantry("instance", "domains", "zenith", "--json").stdout)
    assert (shown["name"], shown["hostnames"]) == ("zenith", [])
    assert "installed already" in tenantry("instance", "install", "zenith", "web").stdout
    assert tenantry("instance", "rename", "zenith", "www").returncode == 2
    assert tenantry("instance", "stop", "acme").returncode == 3


def test_a_login_link_and_the_usage_are_printed(tenantry):
    tenantry("create", "acme", "admin@acme.example", "--template", "tiny")
    link = tenantry("instance", "link", "acme", "--by", "Ann")
    assert link.stdout.startswith("http://acme.localhost:")
    assert "/saas/login?token=" in link.stdout
    usage = tenantry("instance", "usage", "acme", "--json")
    assert json.loads(usage.stdout)["users"] == 1
    assert "Users          1" in tenantry("instance", "usage", "acme").stdout
    assert tenantry("instance", "link", "nobody").returncode == 3
    for ended, begun in (("stop", "start"), ("suspend", "reactivate")):
        tenantry("instance", ended, "acme")
        for let_in in ("link", "password"):
            refused = tenantry("instance", let_in, "acme")
            assert refused.returncode != 0
            assert re.search(r"'acme' is (stopped|suspended): it cannot", refused.stderr)
            assert "saas/login" not in refused.stdout
        tenantry("instance", begun, "acme")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        (["create", "Acme", "a@acme.example"], 2, "upper-case"),
        (["create", "acme", "nobody"], 2, "email address"),
        (["create", "acme", "a@acme.example", "--template", "nothing"], 3, "template"),
        (["instance", "suspend", "nobody"], 3, "no instance"),
        (["template", "build", "nothing"], 3, "recipe"),
        (["template", "build", "odd", "--module", "no_such_module"], 2, "no_such_module"),
        (["pool", "fill", "nothing"], 3, "template"),
    ],
)
def test_errors_are_a_sentence_a_remedy_and_an_exit_code(tenantry, arguments, exit_code: int, sentence: str):
    result = tenantry(*arguments)
    assert result.returncode == exit_code, result.stderr
    assert sentence in result.stderr
    assert "Remedy:" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_error_is_printed_as_json(tenantry):
    result = tenantry("instance", "show", "nobody", "--json")
    error = json.loads(result.stderr)
    assert error["error_class"] == "InstanceNotFound"
    assert error["remedy"]
    assert error["retryable"] is False


def test_templates_and_pools_are_listed(tenantry):
    assert json.loads(tenantry("template", "list", "--json").stdout)[0]["code"] == "tiny"
    assert tenantry("pool", "fill", "tiny", "--size", "1").returncode == 0
    listed = json.loads(tenantry("pool", "list", "--json").stdout)
    assert {"template": "tiny", "spares": 1, "usable": 1} in listed


def test_up_restarts_a_killed_installation_and_prints_the_password_the_first_time_only(
    tenantry, master: Engine
):
    remove_master(master)
    with pytest.raises(MasterNotInstalled):
        master.master.reset_admin_password()
    run_and_kill(master.settings, "master", "install")
    port = str(master.settings.installation.master_port)
    up = tenantry("up", "--json", TENANTRY_MASTER_PORT=port)
    done = [step["step"] for step in map(json.loads, up.stderr.splitlines()) if step["status"] == "done"]
    assert done == ["database", "install", "verify", "admin", "name"]
    assert orphans(master.context) == []
    first = json.loads(up.stdout)
    again = json.loads(tenantry("up", "--json", TENANTRY_MASTER_PORT=port).stdout)
    assert first["address"].startswith("http://*.localhost:")
    assert first["master"] == master.master.url
    assert first["login"] == "admin"
    assert WebClient(
        master.master.runtime.route, MASTER_DATABASE, first["login"], Secret(first["password"])
    ).session_info["uid"]
    assert again == {"address": first["address"], "master": first["master"]}
    assert f"The back office is at {first['master']}, the signup page" in tenantry("up").stdout


def test_the_master_has_an_address_and_gives_a_new_password(tenantry, master: Engine):
    assert tenantry("master", "url").stdout.strip() == master.master.url
    answer = json.loads(tenantry("master", "password", "--json").stdout)
    assert answer["login"] == "admin"
    assert len(answer["password"]) == 23
    told = tenantry("master", "password").stdout
    assert "shown once" in told
    assert answer["password"] not in told


def test_doctor_reports_that_everything_is_present(tenantry):
    result = tenantry("doctor")
    assert result.returncode == 0, result.stdout
    for subject in ("Odoo", "PostgreSQL", "Cluster", "Tenant server", "Master's packages", "Disk"):
        assert subject in result.stdout


def test_doctor_fails_with_a_remedy_when_something_needed_is_missing(tenantry, tmp_path):
    result = tenantry("doctor", ODOO_SOURCE=str(tmp_path))
    assert result.returncode == 5
    assert "Set ODOO_SOURCE" in result.stdout


def test_no_secret_is_in_any_log(tenantry, engine: Engine):
    tenantry("create", "acme", "admin@acme.example", "--template", "tiny")
    context = engine.context
    secrets = [context.role_password("acme"), *vars(context.keys).values()]
    logs = [file for file in engine.settings.home.rglob("*.log") if file.is_file()]
    assert logs
    for file in logs:
        text = file.read_text(errors="replace")
        assert not [secret for secret in secrets if secret.reveal() in text]


def test_nobody_else_can_read_keys_logs_and_configurations(tenantry, engine: Engine):
    tenantry("create", "acme", "admin@acme.example", "--template", "tiny")
    settings = engine.settings
    assert {folder.stat().st_mode & 0o777 for folder in settings.private_dirs} == {0o700}
    files = [*settings.installation.secrets_dir.iterdir(), *settings.log_dir.rglob("*.log")]
    files += [settings.installation.file]
    assert {file.stat().st_mode & 0o777 for file in files if file.exists()} == {0o600}
    assert settings.home.stat().st_mode & 0o777 == 0o755
