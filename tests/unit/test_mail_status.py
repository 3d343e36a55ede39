"""`tenantry mail status` lists what was sent and refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tenantry.cli.main import app
from tenantry.engine.mail import Mail
from tenantry.model.mail import Traffic

SPAM = "554 5.7.1 [rspamd] This looks like spam"
NOON = 1896091200.0


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home" / "secrets").mkdir(parents=True)
    config = str(tmp_path / "config")
    return {"TENANTRY_HOME": str(tmp_path / "home"), "TENANTRY_CONFIG": config, "TENANTRY_MASTER": ""}


def status(installed: dict[str, str], monkeypatch: pytest.MonkeyPatch, *options: str) -> Result:
    told = [Traffic("acme", 7, 100), Traffic("beta", 0, 100, 2, SPAM, NOON), Traffic("quiet", 0, 100)]
    monkeypatch.setattr(Mail, "traffic", lambda _self: told)
    return CliRunner().invoke(app, ["mail", "status", *options], env=installed)


def test_instances_that_sent_or_were_refused_are_listed_with_the_last_answer(installed, monkeypatch):
    result = status(installed, monkeypatch)
    assert result.exit_code == 0, result.output
    _heading, acme, beta = result.output.splitlines()
    assert acme.split()[:4] == ["acme", "7", "of", "100"]
    assert "2030-01-31 12:00 UTC" in beta
    assert beta.endswith(SPAM)


def test_programs_get_all_facts(installed, monkeypatch):
    acme, beta = json.loads(status(installed, monkeypatch, "--json").output)
    assert (acme["name"], acme["sent"], acme["per_hour"]) == ("acme", 7, 100)
    assert (beta["refused"], beta["last_refusal"], beta["last_refused_at"]) == (2, SPAM, NOON)
