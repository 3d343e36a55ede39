"""Logs of servers that never end: one that has grown too large is kept once, and begun anew."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import IO

_MOST_BYTES = 10 * 2**20


def shorten(files: Iterable[Path], most_bytes: int = _MOST_BYTES) -> None:
    """Whoever writes them opened them for appending, and goes on at their new end.

    PostgreSQL's user owns the folder of its log: no link there leads root to another file.
    """
    for file in files:
        with contextlib.suppress(OSError), _opened(file, os.O_RDWR) as log:
            found = os.fstat(log.fileno())
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size > most_bytes:
                _keep(file, log)
                log.truncate(0)


def kept(log: Path) -> Path:
    """Where the last of a shortened one is."""
    return log.with_suffix(".log.1")


def _keep(file: Path, log: IO[bytes]) -> None:
    """Where there is no room for it, it goes: a full disk is worse."""
    with contextlib.suppress(OSError):
        kept(file).unlink(missing_ok=True)
        with _opened(kept(file), os.O_WRONLY | os.O_CREAT | os.O_EXCL) as copy:
            try:
                shutil.copyfileobj(log, copy)
            except OSError:
                copy.truncate(0)
                raise


def _opened(file: Path, flags: int) -> IO[bytes]:
    mode = "rb+" if flags & os.O_RDWR else "wb"
    return os.fdopen(os.open(file, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600), mode)
