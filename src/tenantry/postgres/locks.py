"""Advisory locks: one operation at a time on one subject, over all processes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tenantry.errors import Busy
from tenantry.postgres.cluster import Connection, is_alive, translated

_POLL_S = 0.02


@contextmanager
def exclusive(connection: Connection, subject: str, *, wait_s: float = 0) -> Iterator[None]:
    """Hold the lock on `subject`, such as "instance acme". Raises Busy after `wait_s`."""
    with _held(connection, subject, "", wait_s):
        yield


@contextmanager
def shared(connection: Connection, subject: str, *, wait_s: float = 0) -> Iterator[None]:
    """Hold it together with others who only read. Raises Busy after `wait_s`."""
    with _held(connection, subject, "_shared", wait_s):
        yield


@contextmanager
def _held(connection: Connection, subject: str, suffix: str, wait_s: float) -> Iterator[None]:
    key = _key(subject)
    deadline = time.monotonic() + wait_s
    while not _ask(connection, f"SELECT pg_try_advisory_lock{suffix}(%s)", key):
        if time.monotonic() >= deadline:
            raise Busy(subject)
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        if is_alive(connection):
            _ask(connection, f"SELECT pg_advisory_unlock{suffix}(%s)", key)


def _ask(connection: Connection, statement: str, key: int) -> bool:
    with translated(connection, "take a lock"):
        row = connection.execute(statement.encode(), [key]).fetchone()
    return bool(row and row[0])


def _key(subject: str) -> int:
    """A signed 64-bit number, as PostgreSQL's advisory locks want."""
    return int.from_bytes(hashlib.sha256(f"tenantry:{subject}".encode()).digest()[:8], "big", signed=True)
