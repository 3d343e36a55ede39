"""Advisory locks: one operation at a time on one subject, over all processes.

Who waits, waits in PostgreSQL's own line: served in order. Only who is first in line for one of several
places asks again and again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors

from tenantry.errors import Busy
from tenantry.postgres.cluster import Connection, is_alive, translated

_LOOK_EVERY_S = 0.01


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
    """Wait for one of so many places. Raises Busy after `wait_s`, unless one is free by then.

    What is heavy goes faster a few at a time than all at once. They are taken in order: only who is first in
    line looks for a free place.
    """
    deadline = time.monotonic() + wait_s
    with exclusive(connection, f"{line}: the line", wait_s=wait_s):
        taken = _free_place(connection, line, places, deadline)
    with _released(connection, _key(taken)):
        yield


def _free_place(connection: Connection, line: str, places: int, deadline: float) -> str:
    """Take the first place that is free; return its name. Raises Busy."""
    while True:
        for number in range(max(places, 1)):
            place = f"{line} {number}"
            if _try(connection, _key(place), ""):
                return place
        if time.monotonic() > deadline:
            raise Busy(line)
        time.sleep(_LOOK_EVERY_S)


@contextmanager
def _held(connection: Connection, subject: str, suffix: str, wait_s: float) -> Iterator[None]:
    key = _key(subject)
    took = _wait(connection, key, suffix, wait_s) if wait_s else _try(connection, key, suffix)
    if not took:
        raise Busy(subject)
    with _released(connection, key, suffix):
        yield


@contextmanager
def _released(connection: Connection, key: int, suffix: str = "") -> Iterator[None]:
    try:
        yield
    finally:
        if is_alive(connection):
            with translated(connection, "release a lock"):
                connection.execute(f"SELECT pg_advisory_unlock{suffix}(%s)".encode(), [key])


def _try(connection: Connection, key: int, suffix: str) -> bool:
    with translated(connection, "take a lock"):
        row = connection.execute(f"SELECT pg_try_advisory_lock{suffix}(%s)".encode(), [key]).fetchone()
    return bool(row and row[0])


def _wait(connection: Connection, key: int, suffix: str, wait_s: float) -> bool:
    """Take the lock, waiting for it as long as that; tell whether it came."""
    with translated(connection, "wait for a lock"):
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [str(int(wait_s * 1000))])
        try:
            connection.execute(f"SELECT pg_advisory_lock{suffix}(%s)".encode(), [key])
        except errors.LockNotAvailable:
            return False
        finally:
            if is_alive(connection):
                connection.execute("RESET lock_timeout")
    return True


def _key(subject: str) -> int:
    """A signed 64-bit number, as PostgreSQL's advisory locks want."""
    return int.from_bytes(hashlib.sha256(f"tenantry:{subject}".encode()).digest()[:8], "big", signed=True)
