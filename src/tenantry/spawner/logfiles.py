"""Logs of servers that never end: one that has grown too large is kept once, and begun anew."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

_MOST_BYTES = 10 * 2**20


def shorten(files: Iterable[Path], most_bytes: int = _MOST_BYTES) -> None:
    """Whoever writes them opened them for appending, and goes on at their new end."""
    for file in files:
        with contextlib.suppress(OSError):
            if file.stat().st_size > most_bytes:
                _keep(file)
                os.truncate(file, 0)


def kept(log: Path) -> Path:
    """Where the last of a shortened one is."""
    return log.with_suffix(".log.1")


def _keep(log: Path) -> None:
    """Where there is no room for it, it goes: a full disk is worse."""
    try:
        shutil.copyfile(log, kept(log))
    except OSError:
        with contextlib.suppress(OSError):
            kept(log).unlink()
