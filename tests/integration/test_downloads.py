"""A damaged or wrong download is refused and leaves nothing, and the next try succeeds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.archives import Index, damage, debian_archive, package_index, served

from tenantry import wheels
from tenantry.control_plane.code import master_packages
from tenantry.errors import DamagedDownload, DependencyFailure, ProgramFailed
from tenantry.odoo.finding.apt import PrivateApt
from tenantry.odoo.finding.apt_sources import AptSource
from tenantry.odoo.finding.cachefolder import work_folder
from tenantry.odoo.finding.candidate import Search
from tenantry.odoo.finding.checkout import OFFICIAL_REPOSITORY, from_git
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.finding.python_environment import make_environment
from tenantry.postgres.binaries import install_wheel
from tenantry.process import run
from tenantry.settings import ServerSettings

PYTHON, NOWHERE = Path(sys.executable), Path("/nonexistent")
AN_ODOO = OdooInstallation("19.0", "19.0", PYTHON, NOWHERE, NOWHERE, (), "test")


def nothing(line: str) -> None: ...


def contents(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with package_index(tmp_path / "index", monkeypatch) as found:
        yield found


# ---------------------------------------------------------------- wheels


def test_a_damaged_wheel_is_named_and_nothing_of_its_lock_is_installed(index: Index, tmp_path: Path):
    files = [index.add("first"), index.add("second")]
    lock = index.lock(*files)
    whole = damage(files[1])
    target = tmp_path / "target"
    with pytest.raises(DamagedDownload, match="second") as refusal:
        wheels.install(PYTHON, lock, "--target", target, timeout_s=60)
    assert refusal.value.retryable
    assert contents(target) == []

    files[1].write_bytes(whole)
    wheels.install(PYTHON, lock, "--target", target, timeout_s=60)
    assert {"first.py", "second.py"} <= {*contents(target)}


def test_a_package_whose_hash_the_lock_does_not_know_is_refused(index: Index, tmp_path: Path):
    index.add("unlocked")
    with pytest.raises(ProgramFailed, match="hash"):
        wheels.install(PYTHON, "unlocked==1.0\n", "--target", tmp_path / "target", timeout_s=60)
    assert contents(tmp_path / "target") == []


def test_odoos_environment_is_not_made_from_a_damaged_wheel(index: Index, tmp_path: Path):
    file, folder, source = index.add("library"), tmp_path / "odoo", tmp_path / "source"
    folder.mkdir()
    lock = index.lock(file)
    whole = damage(file)
    with pytest.raises(DamagedDownload, match="library"):
        make_environment(folder, lock, source, nothing)
    assert contents(folder) == []

    file.write_bytes(whole)
    python = make_environment(folder, lock, source, nothing)
    assert run([python, "-c", "import library; print(library.IS_THERE)"]) == "True\n"


INSTALLERS: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "the master's packages": (
        "a2wsgi",
        "src/tenantry/control_plane/requirements/master.lock",
        lambda cache: master_packages(ServerSettings.at(cache, cache), AN_ODOO, nothing),
    ),
    "PostgreSQL": (
        "fasteners",
        "src/tenantry/postgres/requirements/postgresql-16.lock",
        lambda cache: install_wheel(cache / "postgresql-16"),
    ),
}


@pytest.mark.parametrize("what", INSTALLERS)
def test_a_file_that_does_not_match_the_shipped_lock_is_refused_and_leaves_nothing(
    index: Index, tmp_path: Path, what: str
):
    package, lock, install = INSTALLERS[what]
    index.add(package, locked_version(lock, package))
    with pytest.raises(DamagedDownload, match=package):
        install(tmp_path / "cache")
    left = [file for file in (tmp_path / "cache").rglob("*") if file.name != "lock" and not file.is_dir()]
    assert left == []
    assert {*contents(tmp_path / "cache")} <= {"master"}


def locked_version(lock: str, package: str) -> str:
    lines = (Path(__file__).parents[2] / lock).read_text().splitlines()
    (version,) = (line.split()[0].partition("==")[2] for line in lines if line.startswith(f"{package}=="))
    return version


# ---------------------------------------------------------------- Debian's packages


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[tuple[AptSource, Path]]:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        pytest.skip("apt is not on this machine")
    folder = tmp_path / "archive"
    folder.mkdir()
    with served(folder) as address:
        yield debian_archive(folder, address, "tiny")


@contextmanager
def apt_in(parent: Path, source: AptSource) -> Iterator[Callable[..., list[Path]]]:
    """Downloads the package like Odoo's; tests can change the hash in the list."""
    with work_folder(parent) as work:
        apt = PrivateApt(work, source)
        apt.update()
        package = apt.show(["tiny"])["tiny"]
        yield lambda **instead: apt.download([replace(package, **instead)], work / "packages")


def test_a_damaged_debian_package_is_refused_and_leaves_nothing(
    archive: tuple[AptSource, Path], tmp_path: Path
):
    source, file = archive
    home = tmp_path / "home"
    home.mkdir()
    whole = damage(file)
    with apt_in(home, source) as download, pytest.raises(DamagedDownload, match="tiny"):
        download()
    assert contents(home) == []

    file.write_bytes(whole)
    with apt_in(home, source) as download:
        assert [found.read_bytes() for found in download()] == [whole]
    assert contents(home) == []


def test_a_debian_package_with_another_hash_than_the_listed_one_is_refused_even_if_apt_accepts_it(
    archive: tuple[AptSource, Path], tmp_path: Path
):
    source, _file = archive
    with apt_in(tmp_path, source) as download, pytest.raises(DamagedDownload, match="tiny"):
        download(sha256="0" * 64)


# ---------------------------------------------------------------- the official repository


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another in the place of Odoo's, by git's own settings; its Python has all that Odoo needs."""
    if not shutil.which("git"):
        pytest.skip("git is not on this machine")
    folder = tmp_path / "repository"
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    (folder / "odoo-bin").write_text("# " + os.urandom(2000).hex())
    for command in (["init", "-b", "19.0"], ["add", "-A"], ["commit", "-m", "Odoo"]):
        subprocess.run(
            ["git", "-c", "user.name=test", "-c", "user.email=test@example.com", *command],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{folder}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", OFFICIAL_REPOSITORY)
    return folder


def test_a_clone_with_a_damaged_file_is_refused_and_leaves_nothing(repository: Path, tmp_path: Path):
    search = Search(ServerSettings.at(tmp_path, tmp_path / "cache"), nothing)
    objects = repository / ".git" / "objects"
    largest = max(objects.glob("??/*"), key=lambda file: file.stat().st_size)
    largest.chmod(0o644)
    whole = damage(largest)
    with pytest.raises(DependencyFailure):
        from_git(search)
    assert contents(search.home) == ["lock"]

    largest.write_bytes(whole)
    assert from_git(search).program.read_text() == (repository / "odoo-bin").read_text()
