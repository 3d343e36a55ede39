"""Advisory locks: one operation at a time on one subject, over all processes."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors

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
def turn(connection: Connection, line: str, places: int, *, wait_s: float) -> Iterator[None]:
    """Wait in line for one of so many places; PostgreSQL serves who came first.

    What is heavy goes faster a few at a time than all at once. Raises Busy after `wait_s`.
    """
    key = _key(f"{line} {secrets.randbelow(max(places, 1))}")
    with _waiting(connection, line, wait_s):
        connection.execute("SELECT pg_advisory_lock(%s)", [key])
    try:
        yield
    finally:
        if is_alive(connection):
            _ask(connection, "SELECT pg_advisory_unlock(%s)", key)


@contextmanager
def _waiting(connection: Connection, line: str, wait_s: float) -> Iterator[None]:
    """Bound how long the statement in the block may wait for its lock."""
    try:
        with translated(connection, "wait for a lock"):
            connection.execute("SELECT set_config('lock_timeout', %s, false)", [str(int(wait_s * 1000))])
            try:
                yield
            except errors.LockNotAvailable as error:
                raise Busy(line) from error
    finally:
        if is_alive(connection):
            connection.execute("RESET lock_timeout")


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
