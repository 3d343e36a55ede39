"""Packages of the npm registry, each pinned to the hash of its archive."""

from __future__ import annotations

import base64
import hashlib
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


def _verify(archive: Path, integrity: str) -> None:
    digest = hashlib.sha512(archive.read_bytes()).digest()
    assert f"sha512-{base64.b64encode(digest).decode()}" == integrity, f"{archive.name} is damaged"
