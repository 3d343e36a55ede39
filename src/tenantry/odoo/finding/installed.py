"""An Odoo that is installed on the machine: importable by `python3`, or a program on PATH."""

from __future__ import annotations

import shutil
from pathlib import Path

from tenantry.errors import DependencyFailure
from tenantry.odoo.finding.candidate import Candidate, Passed, Search, runs_odoo
from tenantry.odoo.finding.checkout import find_program
from tenantry.process import run

_PROGRAMS = ("odoo", "odoo-bin")
# Finds the package without importing it, since importing Odoo patches other modules.
_LOCATE = (
    "import sys, importlib.util as u; print(sys.executable, u.find_spec('odoo.release').origin, sep='\\n')"
)


def from_python(search: Search) -> Candidate:
    """The `odoo` that the `python3` on PATH can import."""
    python = shutil.which("python3")
    if not python:
        raise Passed("python3 is not on PATH")
    executable, source = _locate(Path(python))
    _require_odoo_runs(executable)
    program = _program_beside(executable, source)
    return Candidate(executable, source, program, "importable by python3", _packaged(source))


def from_path(search: Search) -> Candidate:
    """The `odoo` or `odoo-bin` on PATH, with the Python of its `#!` line."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if not program:
        raise Passed("no odoo or odoo-bin")
    file = Path(program).resolve()
    python, source = _interpreter(file), file.parent
    if not (source / "odoo" / "release.py").is_file():
        python, source = _locate(python)
    _require_odoo_runs(python)
    return Candidate(python, source, file, "on PATH", _packaged(source))


def _locate(python: Path) -> tuple[Path, Path]:
    """The Python's real path and the folder of the `odoo` package it imports. Raises Passed."""
    try:
        executable, origin = run([python, "-c", _LOCATE], timeout_s=60, cwd=Path("/")).split("\n")[:2]
    except DependencyFailure as error:
        raise Passed(f"{python} cannot import odoo") from error
    return Path(executable), Path(origin).parent.parent


def _require_odoo_runs(python: Path) -> None:
    if not runs_odoo(python):
        raise Passed(f"{python} lacks Odoo's requirements")


def _packaged(source: Path) -> str:
    """The version of the Debian package that installed it; "" if there is none."""
    try:
        owner = run(["dpkg-query", "--search", source / "odoo" / "release.py"]).partition(":")[0]
        return run(["dpkg-query", "--show", "--showformat=${Version}", owner])
    except DependencyFailure:
        return ""


def _program_beside(python: Path, source: Path) -> Path:
    for name in _PROGRAMS:
        if (python.parent / name).is_file():
            return python.parent / name
    return find_program(source)


def _interpreter(program: Path) -> Path:
    """The Python of a script's `#!` line. Raises Passed if it is not a Python script."""
    with program.open("rb") as stream:
        line = stream.readline(256).decode(errors="replace")
    words = line.removeprefix("#!").split() if line.startswith("#!") else []
    word = next((word for word in words if "python" in Path(word).name), "")
    found = shutil.which(word) if word else None
    if not found:
        raise Passed(f"{program} is no Python script")
    return Path(found)
