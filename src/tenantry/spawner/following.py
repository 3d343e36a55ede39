"""Follow a log: its last lines, and each new one, also when it is rotated, or renamed with its instance."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep
from typing import IO

from tenantry.spawner.logfiles import rotated

_LOOK_EVERY_S = 0.2
_TAIL_BYTES, _PIECE_BYTES = 2**20, 2**16
_LONGEST_LINE = 2**16


def followed(log: Path, count: int, is_gone: Callable[[], bool]) -> Iterator[str]:
    """The last `count` lines of a log, and each new one as soon as it is written.

    It ends when the file is removed. A file that is not there yet is waited for, unless `is_gone` says that
    nobody will write it. A tenant writes what is in it: a line without an end is cut.
    """
    while not log.exists():
        if is_gone():
            return
        sleep(_LOOK_EVERY_S)
    with log.open("rb", buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        stream.seek(max(0, size - _TAIL_BYTES))
        *last, rest = stream.read(size - stream.tell()).split(b"\n")
        yield from map(_text, last[-count:] if count else ())
        for piece in _pieces(stream):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            yield from map(_text, lines)


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """What is written from now on, until the file is removed."""
    while True:
        found = os.fstat(stream.fileno())
        if found.st_size < stream.tell():  # it was copied and truncated meanwhile, see `logfiles`
            yield from _rest_of_former(stream)
            stream.seek(0)
        elif piece := stream.read(_PIECE_BYTES):
            yield piece
        elif found.st_nlink == 0:
            return
        else:
            sleep(_LOOK_EVERY_S)


def _rest_of_former(stream: IO[bytes]) -> Iterator[bytes]:
    """What was written to the log after our place, and then copied."""
    now = Path(f"/proc/self/fd/{stream.fileno()}").readlink()  # it may have another name than it had
    try:
        with rotated(now).open("rb", buffering=0) as former:
            former.seek(stream.tell())
            while piece := former.read(_PIECE_BYTES):
                yield piece
    except FileNotFoundError:  # there was no room for the copy
        return


def _text(line: bytes) -> str:
    return line.decode(errors="replace").removesuffix("\r")
