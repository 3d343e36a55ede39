"""A server's setting chooses its runtime, for the engine and for the doctor."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock, patch

import pytest

from tenantry.control_plane.doctor import Finding, examine
from tenantry.engine import Engine
from tenantry.errors import InvalidSetting, PostgresUnreachable
from tenantry.keyfile import installation_keys
from tenantry.model.server import Check
from tenantry.runtimes import kinds
from tenantry.runtimes.shared import SharedRuntime
from tenantry.settings import ServerSettings


def settings(folder: Path, runtime: str = "") -> ServerSettings:
    found = ServerSettings.at(folder / "home", folder, **({"runtime": runtime} if runtime else {}))
    installation_keys(found.installation.secrets_dir)
    return found


def found_by_doctor(settings: ServerSettings, subject: str) -> Finding:
    return next(it for it in examine(settings) if it.subject == subject)


def test_a_server_whose_settings_name_no_runtime_has_the_shared_one(tmp_path: Path):
    assert isinstance(Engine(settings(tmp_path)).runtime, SharedRuntime)


def test_engine_and_doctor_ask_the_runtime_that_the_settings_name(tmp_path: Path):
    made = Mock(**{"is_answering.return_value": True, "protections.return_value": {"a wall": ""}})
    missing = Check("Engine", fault=PostgresUnreachable("there", "refused"))
    made.configure_mock(port=4711, pid=42)
    made.checks.return_value = [missing]
    of_dummy = settings(tmp_path, "dummy")
    with patch.object(kinds, "KINDS", {"dummy": Mock(return_value=made)}):
        assert Engine(of_dummy).runtime is made
        assert "port 4711, process 42" in found_by_doctor(of_dummy, "Tenant server").detail
        assert found_by_doctor(of_dummy, "Isolation: a wall").ok
        assert "refused" in found_by_doctor(of_dummy, "Engine").detail


def test_a_runtime_that_there_is_not_is_refused_before_anything_starts_and_told_by_the_doctor(tmp_path: Path):
    wrong = settings(tmp_path, "vm")
    with pytest.raises(InvalidSetting, match="vm") as refusal:
        Engine(wrong)
    assert "shared" in refusal.value.remedy
    assert not found_by_doctor(wrong, "Tenant server").ok
