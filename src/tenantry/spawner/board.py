"""A page of memory the spawner shares with a tenant's process: what each tells the other.

`addons/saas_process/board.py` has the same layout. The tenant can write all of it: what is read here is
shown, and decides about that tenant only.
"""

from __future__ import annotations

import mmap
import os
import struct
from enum import IntEnum
from pathlib import Path

_LAYOUT = struct.Struct("<Q")
SIZE_BYTES = 4096


class Field(IntEnum):
    """Numbers of 64 bits, in this order. Times are of the monotonic clock."""

    ENTITLED_SINCE = 0
    REQUESTS = 1
    LAST_REQUEST_NS = 2
    WEBSOCKETS = 3
    THREADS = 4
    JOBS = 5
    IS_BROKEN = 6
    HAS_CRONS = 7
    SEATS = 8


class Board:
    """A file, so that the next spawner finds it again."""

    def __init__(self, file: Path, *, anew: bool) -> None:
        flags = os.O_RDWR | os.O_CREAT | (os.O_TRUNC if anew else 0)
        self.descriptor = os.open(file, flags, 0o600)
        os.ftruncate(self.descriptor, SIZE_BYTES)
        self._memory = mmap.mmap(self.descriptor, SIZE_BYTES)

    def __getitem__(self, field: Field) -> int:
        value: int = _LAYOUT.unpack_from(self._memory, field * _LAYOUT.size)[0]
        return value

    def __setitem__(self, field: Field, value: int) -> None:
        _LAYOUT.pack_into(self._memory, field * _LAYOUT.size, value)

    def close(self) -> None:
        self._memory.close()
        os.close(self.descriptor)
