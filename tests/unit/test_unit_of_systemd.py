"""The printed unit of systemd is valid, and starts the installation that it was printed for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tenantry.cli.main import app
from tenantry.cli.unit import unit_text


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
@pytest.mark.parametrize("tenants", [False, True])
@pytest.mark.parametrize("folder", ["plain", "two words", "100 % of $HOME"])
def test_systemd_accepts_it(tmp_path: Path, folder: str, tenants: bool):
    program = tmp_path / folder / "tenantry"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    home, settings = tmp_path / f'a "quoted" {folder}', tmp_path / "tenantry.env"
    text = unit_text(program, home, settings, "root", tenants=tenants)
    unit = tmp_path / "tenantry.service"
    unit.write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    ours = [line for line in verified.stderr.splitlines() if "tenantry" in line]
    assert (verified.returncode, ours) == (0, []), verified.stderr


def test_it_names_this_program_and_this_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENANTRY_HOME", str(tmp_path / "home"))
    printed = CliRunner().invoke(app, ["unit", "--user", "saas"]).output.splitlines()
    assert f"Environment=TENANTRY_HOME={tmp_path}/home" in printed
    assert "User=saas" in printed
    (start,) = [line for line in printed if line.startswith("ExecStart=")]
    assert start.endswith("/tenantry up")
    assert start.startswith("ExecStart=/")


def test_one_tenant_without_memory_does_not_stop_the_others(tmp_path: Path):
    for tenants in (False, True):
        text = unit_text(tmp_path, tmp_path, tmp_path, "", tenants=tenants)
        assert "OOMPolicy=continue" in text
        assert "TasksMax=infinity" in text
        assert "User=" not in text
