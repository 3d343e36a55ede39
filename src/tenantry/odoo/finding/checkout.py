"""Odoo from source: the operator's checkout, or a clone of the official repository."""

from __future__ import annotations

import shutil
from pathlib import Path

from tenantry.odoo.finding.cachefolder import exclusive, work_folder
from tenantry.odoo.finding.candidate import Candidate, Passed, Search, runs_odoo
from tenantry.odoo.finding.python_environment import digest, make_environment, read_lock
from tenantry.odoo.finding.release import read_release
from tenantry.process import run

OFFICIAL_REPOSITORY = "https://github.com/odoo/odoo"


def from_setting(search: Search) -> Candidate:
    """The checkout at ODOO_SOURCE, with a Python that has its requirements."""
    source = search.settings.odoo_source
    if source is None:
        raise Passed("not set")
    found = read_release(source).series
    if found != search.series:  # checked first, so that no Python environment is made for the wrong series
        raise Passed(f"{source} is Odoo {found}")
    return _candidate(source, _python_for(source, search), "ODOO_SOURCE")


def from_git(search: Search) -> Candidate:
    """An earlier clone, else a new shallow clone of the series' branch."""
    folder = search.home / f"{search.series}-git"
    source = folder / "source"
    if not source.is_dir():
        _clone(source, search)
    return _candidate(source, _python_for(source, search), "a clone of the official repository")


def find_program(source: Path) -> Path:
    """Odoo's program in a source tree. Raises Passed."""
    for program in (source / "odoo-bin", source / "setup" / "odoo"):
        if program.is_file():
            return program
    raise Passed(f"{source} has no odoo-bin")


def _candidate(source: Path, python: Path, reason: str) -> Candidate:
    return Candidate(python, source, find_program(source), reason)


def _clone(source: Path, search: Search) -> None:
    if not search.install:
        raise Passed("not cloned yet")
    if not shutil.which("git"):
        raise Passed("git is not on this machine")
    search.report(f"Odoo: cloning branch {search.series} of the official repository")
    with exclusive(search.home, search.report), work_folder(search.home) as work:
        if source.is_dir():
            return
        run(
            ["git", "clone", "--quiet", "--depth", "1", "--single-branch", "--branch", search.series]
            + [OFFICIAL_REPOSITORY, work / "source"],
            timeout_s=3600,
            environment={"GIT_TERMINAL_PROMPT": "0"},
        )
        source.parent.mkdir(exist_ok=True)
        (work / "source").rename(source)


def _python_for(source: Path, search: Search) -> Path:
    """The checkout's own venv or the `python3` on PATH, if it can run Odoo; else an environment of ours."""
    on_path = shutil.which("python3")
    known = [source / ".venv/bin/python", source / "venv/bin/python", *([Path(on_path)] if on_path else [])]
    for python in known:
        if python.exists() and runs_odoo(python):
            return python
    return _own_python(source, search)


def _own_python(source: Path, search: Search) -> Path:
    lock = read_lock(search.series)
    folder = search.home / f"{search.series}-venv-{digest(lock, str(source))}"
    python = folder / "venv" / "bin" / "python"
    if python.exists():
        return python
    if not search.install:
        raise Passed("no Python here has Odoo's requirements yet")
    with exclusive(search.home, search.report):
        folder.mkdir(exist_ok=True)
        return python if python.exists() else make_environment(folder, lock, source, search.report)
