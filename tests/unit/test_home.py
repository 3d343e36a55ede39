"""Commands find the installation from any folder, trust nobody else's, and make none unasked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tenantry import home
from tenantry.cli.main import app
from tenantry.home import find_home, remember
from tenantry.settings import ServerSettings

_NOBODY = {"TENANTRY_MASTER": "", "TENANTRY_API_KEY": ""}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"TENANTRY_CONFIG": str(tmp_path / "config")}


@pytest.fixture
def usual(tmp_path: Path) -> Path:
    return tmp_path / "usual"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work" / "deep" / "deeper"
    folder.mkdir(parents=True)
    return folder


def test_a_named_folder_counts_for_more_than_any_other(environment, work: Path, usual: Path):
    (work / ".tenantry").mkdir()
    found = find_home({**environment, "TENANTRY_HOME": str(work / "named")}, work, usual)
    assert (found.folder, found.is_there) == (work / "named", False)


def test_it_is_found_above_the_current_folder(environment, work: Path, usual: Path):
    (work.parent / ".tenantry").mkdir()
    found = find_home(environment, work, usual)
    assert (found.folder, found.is_there) == (work.parent / ".tenantry", True)
    assert str(work) in found.found


def test_the_one_that_was_started_is_remembered_until_it_is_gone(environment, work: Path, usual: Path):
    first, second = work / "first", work / "second"
    (first / "secrets").mkdir(parents=True)
    (second / "secrets").mkdir(parents=True)
    remember(environment, first)
    remember(environment, second)
    assert find_home(environment, work, usual).folder == first
    (first / "secrets").rmdir()
    first.rmdir()
    remember(environment, second)
    assert find_home(environment, work, usual).folder == second


def test_the_usual_place_is_the_last_one(environment, work: Path, usual: Path):
    usual.mkdir()
    assert not find_home(environment, work, usual).is_there
    (usual / "secrets").mkdir()
    assert find_home(environment, work, usual).folder == usual


@pytest.mark.parametrize("where", ["above", "remembered", "usual"])
def test_a_folder_of_another_user_is_never_trusted(
    environment, work: Path, usual: Path, monkeypatch: pytest.MonkeyPatch, where: str
):
    folder = {"above": work.parent / ".tenantry", "remembered": work / "first", "usual": usual}[where]
    (folder / "secrets").mkdir(parents=True)
    remember(environment, folder if where == "remembered" else work / "absent")
    assert find_home(environment, work, usual).folder == folder
    owned = os.geteuid()
    monkeypatch.setattr(home.os, "geteuid", lambda: owned + 1)
    found = find_home(environment, work, usual)
    assert (found.folder, found.is_there) == (work / ".tenantry", False)
    if where != "remembered":  # neither the note is believed
        assert any(f"{folder} belongs to" in told for told in found.looked_at)


@pytest.mark.parametrize("trick", ["link", "open"])
def test_a_folder_that_others_can_change_is_not_trusted(environment, work: Path, usual: Path, trick: str):
    folder = work / ".tenantry"
    if trick == "link":
        (work / "elsewhere").mkdir()
        folder.symlink_to(work / "elsewhere")
    else:
        folder.mkdir()
        folder.chmod(0o777)
    found = find_home(environment, work, usual)
    assert not found.is_there
    assert any(str(folder) in told for told in found.looked_at)


def test_the_settings_of_somebody_elses_folder_are_not_read(
    environment, work: Path, monkeypatch: pytest.MonkeyPatch
):
    (work / ".tenantry").mkdir()
    (work / ".tenantry" / "settings.toml").write_text('base_domain = "evil.example"\n')
    monkeypatch.chdir(work)
    assert ServerSettings.from_environment(environment).base_domain == "evil.example"
    owned = os.geteuid()
    monkeypatch.setattr(home.os, "geteuid", lambda: owned + 1)
    (work / ".tenantry").rename(work.parent / ".tenantry")
    assert ServerSettings.from_environment(environment).base_domain == "localhost"


@pytest.fixture
def run(work: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(work)
    monkeypatch.setattr(home, "USUAL", work / "usual")
    monkeypatch.delenv("TENANTRY_HOME", raising=False)

    def run(*arguments: str) -> Result:
        return CliRunner(env={**environment, **_NOBODY}).invoke(app, arguments)

    return run


@pytest.mark.parametrize(
    "arguments",
    [["instance", "list"], ["template", "list"], ["stop"], ["ps"], ["server", "list"], ["master", "url"]],
    ids=" ".join,
)
def test_where_there_is_none_a_command_says_where_it_looked_and_makes_none(run, work: Path, arguments):
    result = run(*arguments)
    assert result.exit_code == 3, result.output
    assert str(work) in result.output
    assert "TENANTRY_HOME" in result.output
    assert list(work.iterdir()) == []


def test_doctor_says_so_too_and_checks_the_machine_all_the_same(run, work: Path):
    result = run("doctor")
    assert "No installation was found" in result.output
    assert "Python" in result.output
    assert list(work.iterdir()) == []
