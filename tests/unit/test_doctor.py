"""Doctor reports files of an installation that others could read, with a remedy."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from pathlib import Path

import pytest

from tenantry.control_plane import doctor
from tenantry.control_plane.doctor import Finding, examine
from tenantry.keyfile import installation_keys
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.finding.tested import TESTED
from tenantry.settings import ServerSettings


@pytest.fixture
def settings(tmp_path: Path) -> ServerSettings:
    found = ServerSettings.at(tmp_path / "a home", tmp_path)
    installation_keys(found.installation.secrets_dir)
    found.log_dir.mkdir(mode=0o700)
    return found


def finding(settings: ServerSettings, subject: str) -> Finding:
    return next(found for found in examine(settings) if found.subject == subject)


@pytest.mark.parametrize("subject", ["Keys", "Logs", "Configuration"])
def test_what_is_private_is_found_so(settings: ServerSettings, subject: str):
    assert finding(settings, subject).ok


@pytest.mark.parametrize(
    ("subject", "path", "mode", "needed"),
    [
        ("Keys", "secrets", 0o755, True),
        ("Keys", "secrets", 0o710, True),
        ("Keys", "secrets/sealing.key", 0o640, True),
        ("Keys", "secrets/instances.key", 0o604, True),
        ("Logs", "log", 0o755, False),
    ],
)
def test_what_others_have_rights_to_is_named_and_its_remedy_works(
    settings: ServerSettings, subject: str, path: str, mode: int, needed: bool
):
    opened = settings.home / path
    opened.chmod(mode)
    found = finding(settings, subject)
    assert not found.ok
    assert found.needed is needed
    assert str(opened) in found.detail
    subprocess.run(shlex.split(found.remedy), check=True)
    assert finding(settings, subject).ok


@pytest.mark.parametrize("program", ["wkhtmltopdf", "rtlcss", "setpriv", "gcc"])
def test_a_program_that_is_missing_is_told_with_what_it_is_like_without(
    settings: ServerSettings, monkeypatch: pytest.MonkeyPatch, program: str
):
    monkeypatch.setenv("PATH", "/nowhere")
    found = finding(settings, program)
    assert (found.ok, found.needed) == (False, program == "setpriv")
    assert ": " in found.detail
    assert "install" in found.remedy.lower()


@pytest.mark.parametrize(("version", "ok"), [("0.12.6 (with patched qt)", True), ("0.12.6", False)])
def test_a_wkhtmltopdf_that_prints_neither_headers_nor_footers_is_told_of(
    settings: ServerSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, ok: bool
):
    program = tmp_path / "wkhtmltopdf"
    program.write_text(f"#!/bin/sh\necho 'wkhtmltopdf {version}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = finding(settings, "wkhtmltopdf")
    assert (found.ok, found.needed) == (ok, False)
    assert ("neither header nor footer" in found.detail) is not ok


def test_a_mail_server_on_this_machine_is_told_of(settings: ServerSettings, monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(doctor, "_LOCAL_MAIL_SERVER", listener.getsockname())
        found = finding(settings, "Mail")
        assert (found.ok, found.needed) == (False, False)
        assert "any sender" in found.detail
    assert finding(settings, "Mail").ok


@pytest.mark.parametrize(
    ("version", "ok", "said"),
    [(TESTED["19.0"][0], True, "was tested"), ("19.0.0+dfsg-99", False, "19.0.0+dfsg-99 was not tested")],
)
def test_an_odoo_that_was_not_tested_is_told_of_and_used(
    settings: ServerSettings, monkeypatch: pytest.MonkeyPatch, version: str, ok: bool, said: str
):
    odoo = OdooInstallation("19.0", version, Path("python"), Path(), Path("odoo"), (), "found")
    monkeypatch.setattr(doctor, "find_odoo", lambda *_, **__: odoo)
    told = finding(settings, "Odoo's version")
    assert (told.ok, told.needed) == (ok, False)
    assert said in told.detail
    assert told.remedy
    assert finding(settings, "Odoo").ok


def test_nothing_is_made_by_looking(tmp_path: Path):
    examine(ServerSettings.at(tmp_path / "home", tmp_path / "cache"))
    assert list(tmp_path.iterdir()) == []
