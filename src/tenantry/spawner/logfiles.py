"""Log rotation: a log that has grown too large is copied to `<name>.log.1` and truncated."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import IO

_MOST_BYTES = 10 * 2**20
_COPIED_BYTES = 32 * 2**20
"""A tenant can make its log as long as it likes at no cost, as a hole; copied, it would fill the disk."""


def rotate(files: Iterable[Path], most_bytes: int = _MOST_BYTES) -> None:
    """Rotate the logs that are larger. Their writers opened them for appending and continue at the new end.

    Links are not followed: PostgreSQL's user owns the folder of its log, and could lead root to another file.
    """
    for file in files:
        with contextlib.suppress(OSError), _opened(file, os.O_RDWR) as log:
            found = os.fstat(log.fileno())
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size > most_bytes:
                log.seek(max(0, found.st_size - _COPIED_BYTES))
                _copy(file, log)
                log.truncate(0)


def rotated(log: Path) -> Path:
    """The file with the previous part of a log."""
    return log.with_suffix(".log.1")


def _copy(file: Path, log: IO[bytes]) -> None:
    """Copy the log. Without room for the copy its content is lost: a full disk is worse."""
    with contextlib.suppress(OSError):
        rotated(file).unlink(missing_ok=True)
        with _opened(rotated(file), os.O_WRONLY | os.O_CREAT | os.O_EXCL) as copy:
            try:
                copy.write(log.read(_COPIED_BYTES))
            except OSError:
                copy.truncate(0)
                raise


def _opened(file: Path, flags: int) -> IO[bytes]:
    mode = "rb+" if flags & os.O_RDWR else "wb"
    return os.fdopen(os.open(file, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600), mode)
