"""Commands find the installation from any folder, trust nobody else's, and make none unasked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tenantry import home
from tenantry.cli import complete
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


def test_a_folder_that_others_can_change_is_not_trusted(environment, work: Path, usual: Path):
    folder = work / ".tenantry"
    folder.mkdir()
    folder.chmod(0o777)
    found = find_home(environment, work, usual)
    assert (found.is_there, found.is_refused) == (False, True)
    assert any(str(folder) in told for told in found.looked_at)


def _moved_behind_a_link(work: Path) -> tuple[Path, Path]:
    """An installation that was moved to another disk: the link at its old place, and its new place."""
    link, target = work / ".tenantry", work / "disk" / "tenantry"
    (target / "secrets").mkdir(parents=True)
    link.symlink_to(Path("disk") / "tenantry")
    return link, target


def test_an_installation_that_was_moved_behind_a_link_is_found(environment, work: Path, usual: Path):
    link, _target = _moved_behind_a_link(work)
    found = find_home(environment, work, usual)
    assert (found.folder, found.is_there, found.is_refused) == (link, True, False)
    remember(environment, link)
    assert find_home(environment, work.parent.parent, usual).folder == link


@pytest.mark.parametrize("trick", ["target", "parent", "file", "nothing", "circle"])
def test_a_link_to_what_others_can_change_is_not_followed(environment, work: Path, usual: Path, trick: str):
    link, target = _moved_behind_a_link(work)
    if trick in ("target", "parent"):
        (target if trick == "target" else target.parent).chmod(0o777)
    else:
        link.unlink()
        (work / "file").touch()
        link.symlink_to({"file": "file", "nothing": "absent", "circle": ".tenantry"}[trick])
    found = find_home(environment, work, usual)
    assert (found.is_there, found.is_refused) == (False, True)
    assert any(str(link) in told for told in found.looked_at)


@pytest.mark.parametrize("whose", ["link", "second link", "target", "parent"])
def test_a_link_is_followed_only_where_nobody_else_can_lead_it(
    environment, work: Path, usual: Path, monkeypatch: pytest.MonkeyPatch, whose: str
):
    link, target = _moved_behind_a_link(work)
    second = work / "second"
    if whose == "second link":
        link.rename(second)
        link.symlink_to("second")
    assert find_home(environment, work, usual).is_there
    one = {"link": link, "second link": second, "target": target, "parent": target.parent}[whose]
    _give_away(one, monkeypatch)
    found = find_home(environment, work, usual)
    assert (found.is_there, found.is_refused) == (False, True)
    assert any(str(link) in told and "user 54321" in told for told in found.looked_at)


def _give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it belong to another user, which only root can do; elsewhere it looks so."""
    if os.geteuid() == 0:
        os.chown(path, 54321, -1, follow_symlinks=False)
        return
    real = Path.lstat

    def lstat(self: Path) -> os.stat_result:
        found = real(self)
        if self != path:
            return found
        return os.stat_result([*found[:4], 54321, *found[5:]])

    monkeypatch.setattr(Path, "lstat", lstat)


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


_OTHERS_PROGRAMS = ["postgres", "initdb", "pg_ctl", "psql", "pg_dump", "python3", "odoo"]


@pytest.fixture
def trap(work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of another user in the current one, whose settings name programs; the file that they write."""
    home_folder, programs, ran = work / ".tenantry", work / "programs", work / "ran"
    (home_folder / "secrets").mkdir(parents=True)
    programs.mkdir()
    for name in _OTHERS_PROGRAMS:
        (programs / name).write_text(f"#!/bin/sh\necho {name} >> {ran}\necho '{name} (PostgreSQL) 17.0'\n")
        (programs / name).chmod(0o755)
    (home_folder / "settings.toml").write_text(f'pg_bin = "{programs}"\n')
    _give_away(home_folder, monkeypatch)
    return ran


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor"],
        ["up"],
        ["demo"],
        ["stop"],
        ["serve", "tenants"],
        ["unit"],
        ["instance", "list"],
        ["instance", "list", "--local"],
        ["server", "list"],
    ],
    ids=" ".join,
)
def test_a_command_runs_nothing_that_another_users_folder_names(run, work: Path, trap: Path, arguments):
    before = sorted(work.rglob("*"))
    result = run(*arguments)
    assert (trap.read_text() if trap.exists() else "") == ""
    assert result.exit_code == 3, result.output
    assert f"{work / '.tenantry'} belongs to user 54321" in result.output
    assert "in another folder" in result.output
    assert sorted(work.rglob("*")) == before


def test_what_the_shell_offers_is_not_from_another_users_folder(work: Path, trap: Path, run):
    settings = work / ".tenantry" / "settings.toml"
    settings.write_text(f'{settings.read_text()}[servers.theirs]\nbase_domain = "evil.example"\n')
    assert complete.servers("") == complete.codes("") == complete.instances("") == []
    assert not trap.exists()


def test_a_folder_that_is_named_is_used_whoever_it_belongs_to(environment, work: Path, trap: Path):
    named = {**environment, "TENANTRY_HOME": str(work / ".tenantry")}
    assert ServerSettings.from_environment(named).pg_bin == work / "programs"
