"""Share the cache folder between processes: one lock, and temporary work folders."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tenantry.odoo.finding.candidate import Report


@contextmanager
def exclusive(folder: Path, report: Report) -> Iterator[None]:
    """Hold the folder's lock; the kernel releases it when the process dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("Odoo: waiting for another process that is fetching it")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """A folder for this attempt only; folders of killed attempts are removed.

    Child processes of a killed attempt may still write, so an attempt never uses the folder of another one.
    The caller must hold the lock.
    """
    for leftover in parent.glob("work-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="work-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
