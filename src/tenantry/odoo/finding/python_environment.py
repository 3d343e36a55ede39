"""The Python environment that Odoo runs in: a venv with the packages of the shipped lock."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import sys
from importlib import resources
from pathlib import Path

from tenantry import wheels
from tenantry.odoo.finding.candidate import Passed, Report
from tenantry.process import run

# For Odoo 19.0: the lock begins with 3.11, and odoo/release.py has 3.13 as the newest Python.
OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)


def read_lock(series: str) -> str:
    """The text of the lock for a series. Raises Passed when none is shipped."""
    file = resources.files(__package__) / "requirements" / f"odoo-{series}.lock"
    if not file.is_file():
        raise Passed(f"there is no requirements lock for Odoo {series}")
    return file.read_text(encoding="utf-8")


def digest(*texts: str) -> str:
    """Twelve characters that change when one of the texts changes."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def suitable_python() -> Path:
    """Our own Python if Odoo supports it, else the newest supported one on PATH. Raises Passed."""
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return Path(sys.executable)
    for minor in range(NEWEST_PYTHON[1], OLDEST_PYTHON[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return Path(found)
    raise Passed("Odoo needs Python 3.11, 3.12 or 3.13, and none is on PATH")


def make_environment(folder: Path, lock: str, source: Path, report: Report) -> Path:
    """Make `folder/venv` with the lock's packages and `source` importable; return its Python.

    Each attempt has a folder of its own, which is never renamed, since scripts in it contain its path. The
    link `venv` is set last, so that an interrupted attempt is never used. The caller must hold the cache's
    lock.
    """
    _remove_leftovers(folder)
    place = folder / f"venv.{secrets.token_hex(4)}"
    python = place / "bin" / "python"
    report(f"Odoo: installing {lock.count('==')} Python packages")
    run([suitable_python(), "-m", "venv", place], timeout_s=300)
    try:
        wheels.install(python, lock, "--prefer-binary", timeout_s=1800)
        _add_to_path(python, source)
        _publish(place, folder / "venv")
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return folder / "venv" / "bin" / "python"


def _add_to_path(python: Path, source: Path) -> None:
    """Write a .pth file, so that pip sees Odoo as installed, and OCA addons can be installed by name."""
    site = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
    Path(site, "odoo-source.pth").write_text(f"{source}\n", encoding="utf-8")


def _publish(place: Path, link: Path) -> None:
    fresh = link.with_name(f"{place.name}.link")
    fresh.symlink_to(place.name)
    fresh.replace(link)


def _remove_leftovers(folder: Path) -> None:
    for path in folder.glob("venv*"):
        if path.is_symlink():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)
