"""Options that do not apply to the master or the engine are refused with a remedy, before a request."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tenantry.cli.main import app

_NOBODY = {"TENANTRY_MASTER": "", "TENANTRY_API_KEY": ""}
_MASTER = {"TENANTRY_MASTER": "http://localhost:1", "TENANTRY_API_KEY": "0123456789abcdef0123456789abcdef"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".tenantry").mkdir()

    def run(*arguments: str, **environment: str) -> Result:
        return CliRunner(env={"TENANTRY_CONFIG": str(tmp_path), **environment}).invoke(app, arguments)

    return run


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["instance", "link", "acme", "--support"], "--support has no meaning on the master"),
        (["instance", "link", "acme", "--by", "Ann"], "--by has no meaning on the master"),
    ],
)
def test_on_a_master(run, arguments: list[str], sentence: str):
    result = run(*arguments, **_MASTER)
    assert result.exit_code == 2, result.output
    assert sentence in result.output
    assert "Remedy:" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["create", "acme", "a@acme.example", "--plan", "starter"], "--plan has no meaning on the engine"),
        (["create", "acme", "a@acme.example", "--no-wait"], "--no-wait has no meaning on the engine"),
        (["instance", "suspend", "acme", "--reason", "unpaid"], "--reason has no meaning on the engine"),
        (["instance", "link", "acme", "--send"], "--send has no meaning on the engine"),
        (["instance", "password", "acme", "--send"], "--send has no meaning on the engine"),
        (["instance", "stop", "acme", "--no-wait"], "--no-wait has no meaning on the engine"),
        (["instance", "list", "--state", "odd"], "is not a valid state"),
    ],
)
@pytest.mark.parametrize("login", [[], ["--local"]])
def test_on_the_engine_here(run, arguments: list[str], sentence: str, login: list[str]):
    result = run(*arguments, *login, **(_MASTER if login else _NOBODY))
    assert result.exit_code == 2, result.output
    assert sentence in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["whoami"],
        ["request", "list"],
        ["request", "show", "x"],
        ["instance", "logs", "acme"],
        ["instance", "check", "acme"],
    ],
)
def test_what_only_a_master_knows_needs_a_login(run, arguments: list[str]):
    result = run(*arguments, **_NOBODY)
    assert result.exit_code == 6, result.output
    assert "tenantry login" in result.output


def test_no_key_and_no_terminal_to_ask_at(run):
    result = run("login", "http://localhost:1", **_NOBODY)
    assert result.exit_code == 2
    assert "--key-stdin" in result.output


def test_shells_can_complete_the_commands(run):
    assert "--install-completion" in run("--help", COLUMNS="200").output
