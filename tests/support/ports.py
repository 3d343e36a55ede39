"""Ports for one run of the tests, whichever others go on beside it on this machine."""

from __future__ import annotations

import fcntl
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BLOCKS = range(18069, 32000, 20)


@contextmanager
def block_of_ports() -> Iterator[int]:
    """The first of twenty ports no other run uses, until the end of the block."""
    for first in _BLOCKS:
        with Path(tempfile.gettempdir(), f"tenantry-test-ports-{first}").open("w", encoding="ascii") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if _is_free(first) and _is_free(first + 1):
                yield first
                return
    raise OSError("no twenty free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
