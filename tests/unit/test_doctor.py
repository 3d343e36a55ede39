"""Doctor says what of an installation others could read, and the remedy."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from tenantry.keyfile import installation_keys
from tenantry.operations.doctor import Finding, examine
from tenantry.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(home=tmp_path / "a home", cache=tmp_path)
    installation_keys(found.secrets_dir)
    found.log_dir.mkdir(mode=0o700)
    return found


def finding(settings: Settings, subject: str) -> Finding:
    return next(found for found in examine(settings) if found.subject == subject)


@pytest.mark.parametrize("subject", ["Keys", "Logs", "Configuration"])
def test_what_is_private_is_found_so(settings: Settings, subject: str):
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
    settings: Settings, subject: str, path: str, mode: int, needed: bool
):
    opened = settings.home / path
    opened.chmod(mode)
    found = finding(settings, subject)
    assert not found.ok
    assert found.needed is needed
    assert str(opened) in found.detail
    subprocess.run(shlex.split(found.remedy), check=True)
    assert finding(settings, subject).ok


def test_nothing_is_made_by_looking(tmp_path: Path):
    examine(Settings(home=tmp_path / "home", cache=tmp_path / "cache"))
    assert list(tmp_path.iterdir()) == []
