"""Packages of the npm registry: single ones, each pinned to the hash of its archive, or all of a lock."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from tenantry import process


def unpacked(
    name: str,
    version: str,
    integrity: str,
    folder: Path,
    finish: Callable[[Path], None] = lambda _package: None,
) -> Path:
    """The package's files, fetched once and kept in that folder.

    integrity: as the registry and npm's lock files write it. finish: called before the folder gets its name.
    """
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        process.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=partial, timeout_s=180)
        (archive,) = partial.glob("*.tgz")
        _verify(archive, integrity)
        with tarfile.open(archive) as opened:
            # Python before 3.11.4 has no filters; the archive was verified above.
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            opened.extractall(partial, **safely)
        if finish:
            finish(partial / "package")
        partial.rename(folder)
    return folder / "package"


def installed(project: Path, cache: Path) -> Path:
    """The folder in which `npm ci` has installed a project's locked packages, once for each lock.

    No script of a package is run.
    """
    lock = (project / "package-lock.json").read_bytes()
    folder = cache / f"{project.name}-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(project / name, partial)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        process.run(command, cwd=partial, timeout_s=300)
        partial.rename(folder)
    return folder


def environment() -> dict[str, str]:
    """For programs of packages: the search path, and a home in which they find nothing of ours."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


def _verify(archive: Path, integrity: str) -> None:
    digest = hashlib.sha512(archive.read_bytes()).digest()
    assert f"sha512-{base64.b64encode(digest).decode()}" == integrity, f"{archive.name} is damaged"
