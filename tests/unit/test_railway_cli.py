"""`tenantry create acme-corp admin@acme.com --runtime railway`, and what else the commands say there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.railway import TOKEN, Railway, running
from tests.support.railway_server import SERVER, environment, installation
from tests.support.recording_master import recording_master
from typer.testing import CliRunner, Result

from tenantry.cli.main import app
from tenantry.engine.railway import RailwayEngine
from tenantry.operations.railway import create

NAME, EMAIL = "acme-corp", "admin@acme.com"


@pytest.fixture
def railway() -> Iterator[Railway]:
    with running() as started:
        yield started


@pytest.fixture
def engine(tmp_path: Path, railway: Railway, monkeypatch: pytest.MonkeyPatch) -> RailwayEngine:
    return chosen(installation(tmp_path, railway), monkeypatch)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(create, "_FIRST_LOOK_S", 0.001)


def chosen(engine: RailwayEngine, monkeypatch: pytest.MonkeyPatch) -> RailwayEngine:
    """Let commands use this installation, and no login."""
    home = environment(engine)["TENANTRY_HOME"]
    monkeypatch.setenv("TENANTRY_HOME", home)
    monkeypatch.setenv("TENANTRY_CONFIG", f"{home}/config")
    monkeypatch.setenv("TENANTRY_MASTER", "")
    monkeypatch.setenv("TENANTRY_API_KEY", "")
    # A command with --server sets it for its own process.
    monkeypatch.setenv("TENANTRY_SERVER", "")
    return engine


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, arguments, input=typed)


def test_a_creation_prints_where_it_is_and_how_to_log_in(engine: RailwayEngine, railway: Railway):
    result = run("create", NAME, EMAIL, "--runtime", "railway")
    odoo = railway.only(NAME).named(NAME)[0]
    assert result.exit_code == 0, result.output
    assert re.search(rf"^{NAME} is running after \d+\.\d\d s$", result.stdout, re.M)
    assert f"  URL       http://{odoo.domain}\n" in result.stdout
    assert f"  Email     {EMAIL}\n" in result.stdout
    assert f"  Database  {NAME}\n" in result.stdout
    assert re.search(r"^  Password  \w{23}$", result.stdout, re.M)
    for step in ("project", "postgres", "odoo", "variables", "deploy", "wait"):
        assert f"✓ {step}" in result.stderr


def test_instances_are_listed_shown_and_terminated(engine: RailwayEngine, railway: Railway):
    assert run("create", NAME, EMAIL, "--runtime", "railway").exit_code == 0
    railway.add_foreign_project("shop")
    listed = run("--server", SERVER, "instance", "list").stdout
    assert re.search(rf"^{NAME} +active +http://127\.0\.0\.1:\d+ +blank", listed, re.M)
    assert "shop" not in listed
    assert f"Login     {EMAIL}" in run("--server", SERVER, "instance", "show", NAME).stdout
    assert run("--server", SERVER, "logs", NAME).stdout == "it runs\n"
    assert run("--server", SERVER, "instance", "terminate", NAME, typed="another\n").exit_code == 2
    assert run("--server", SERVER, "instance", "terminate", NAME, typed=f"{NAME}\n").exit_code == 0
    assert railway.names == ["shop"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["instance", "suspend", NAME],
        ["instance", "stop", NAME],
        ["instance", "rename", NAME, "zenith"],
        ["instance", "install", NAME, "crm"],
        ["instance", "password", NAME],
        ["instance", "usage", NAME],
        ["template", "list"],
        ["pool", "fill", "blank"],
        ["archive", "dump", NAME, "/nowhere"],
        ["ps"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_what_is_not_possible_there_is_said_with_a_code(
    engine: RailwayEngine, railway: Railway, arguments: list[str]
):
    assert run("create", NAME, EMAIL, "--runtime", "railway").exit_code == 0
    result = run("--server", SERVER, *arguments, "--json")
    assert result.exit_code == 2, result.output
    told = json.loads(result.stderr.splitlines()[-1])
    assert told["error_class"] == "NotOnRailway"
    assert "docs/howto/railway.md" in told["remedy"]


def test_without_a_server_for_it_the_runtime_is_refused_with_what_to_add(
    engine: RailwayEngine, railway: Railway
):
    (engine.settings.installation.home / "settings.toml").write_text("")
    result = run("create", NAME, EMAIL, "--runtime", "railway")
    assert result.exit_code == 2
    assert 'runtime = "railway"' in result.stderr
    assert railway.names == []


def test_of_several_servers_one_must_be_chosen(engine: RailwayEngine, railway: Railway):
    file = engine.settings.installation.home / "settings.toml"
    file.write_text(file.read_text() + '\n[servers.second]\nruntime = "railway"\n')
    result = run("create", NAME, EMAIL, "--runtime", "railway")
    assert result.exit_code == 2
    assert "rail and second" in result.stderr
    assert railway.names == []
    assert run("--server", SERVER, "create", NAME, EMAIL, "--runtime", "railway").exit_code == 0


def test_an_unknown_runtime_is_refused(engine: RailwayEngine):
    result = run("create", NAME, EMAIL, "--runtime", "vm")
    assert result.exit_code == 2
    assert "shared, docker, railway" in result.stderr


def test_a_master_is_asked_for_the_runtime(engine: RailwayEngine, monkeypatch: pytest.MonkeyPatch):
    refusal = {"success": False, "error": "No.", "error_code": "NO_CAPACITY", "details": {}}
    with recording_master() as master:
        master.answers.append((503, {}, json.dumps(refusal)))
        monkeypatch.setenv("TENANTRY_MASTER", master.url)
        monkeypatch.setenv("TENANTRY_API_KEY", "0123456789abcdef0123456789abcdef")
        assert run("create", NAME, EMAIL, "--runtime", "railway", "--no-wait").exit_code != 0
    assert master.calls[0].body["runtime"] == "railway"


def test_the_own_server_cannot_be_on_railway(engine: RailwayEngine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENANTRY_RUNTIME", "railway")
    result = run("instance", "list")
    assert result.exit_code == 2
    assert "[servers.NAME]" in result.stderr


def test_a_token_is_taken_from_a_pipe_and_kept_if_it_works(engine: RailwayEngine, railway: Railway):
    railway.token = "new-token-987654"
    refused = run("server", "token", SERVER, typed="wrong-token-0123\n")
    assert refused.exit_code == 6
    taken = run("server", "token", SERVER, typed="new-token-987654\n")
    assert taken.exit_code == 0, taken.output
    assert run("--server", SERVER, "instance", "list").exit_code == 0
    for told in (refused.output, taken.output):
        assert "token-" not in told


def test_a_server_that_needs_no_token_takes_none(engine: RailwayEngine):
    result = run("server", "token", "local", typed=f"{TOKEN}\n")
    assert result.exit_code == 2
    assert TOKEN not in result.output


def test_doctor_says_that_all_is_well(engine: RailwayEngine, railway: Railway):
    result = run("--server", SERVER, "doctor")
    assert result.exit_code == 0, result.output
    assert "the token opens the workspace Acme Hosting (workspace-1)" in result.stdout


def test_doctor_says_what_is_wrong(engine: RailwayEngine, railway: Railway):
    railway.workspaces["workspace-2"] = "Zenith"
    told = run("--server", SERVER, "doctor")
    assert told.exit_code == 5
    assert "railway_workspace" in told.stdout
    assert "Zenith (workspace-2)" in told.stdout
    railway.token = "another"
    told = run("--server", SERVER, "doctor")
    assert told.exit_code == 5
    assert f"Railway refused the token of the server '{SERVER}': Not Authorized" in told.stdout
    assert f"tenantry server token {SERVER}" in told.stdout
    (engine.settings.installation.secrets_dir / "railway.toml").chmod(0o640)
    told = run("--server", SERVER, "doctor")
    assert told.exit_code == 5
    assert "chmod go=" in told.stdout


def test_the_list_of_servers_says_that_a_token_is_refused(engine: RailwayEngine, railway: Railway):
    up = json.loads(run("server", "list", "--json").stdout)
    assert {"name": SERVER, "series": "19.0", "base_domain": "up.railway.app", "state": "up"} in up
    railway.token = "another"
    assert "refused the token" in run("server", "list").stdout


def test_there_is_nothing_to_start_or_to_stop(engine: RailwayEngine):
    assert "https://*.up.railway.app" in run("--server", SERVER, "up").stdout
    assert "nothing ran" in run("--server", SERVER, "stop").stdout
