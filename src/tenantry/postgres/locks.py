"""Advisory locks: one operation at a time on one subject, across all processes.

A session that waits stands in PostgreSQL's own queue, which is served in order. Only the first in the queue
for one of several slots polls.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from psycopg import errors

from tenantry.errors import Busy
from tenantry.postgres.cluster import Connection, is_alive, translated

_POLL_EVERY_S = 0.01


@contextmanager
def exclusive(connection: Connection, subject: str, *, wait_s: float = 0) -> Iterator[None]:
    """Hold the exclusive lock on `subject`, such as "instance acme". Raises Busy after `wait_s`."""
    with _held(connection, subject, "", wait_s):
        yield


@contextmanager
def shared(connection: Connection, subject: str, *, wait_s: float = 0) -> Iterator[None]:
    """Hold the shared lock on `subject`, together with other readers. Raises Busy after `wait_s`."""
    with _held(connection, subject, "_shared", wait_s):
        yield


@contextmanager
def slot(connection: Connection, queue: str, slots: int, *, wait_s: float) -> Iterator[None]:
    """Hold one of several slots: a semaphore. Raises Busy when no slot is free after `wait_s`.

    Heavy work is faster a few at a time than all at once. Slots are given in order: only the first in the
    queue looks for a free slot.
    """
    deadline = time.monotonic() + wait_s
    with exclusive(connection, f"{queue}: the line", wait_s=wait_s):
        taken = _take_slot(connection, queue, slots, deadline)
    with _released(connection, _key(taken)):
        yield


def _take_slot(connection: Connection, queue: str, slots: int, deadline: float) -> str:
    """Take the first free slot; return its name. Raises Busy."""
    while True:
        for number in range(max(slots, 1)):
            name = f"{queue} {number}"
            if _try(connection, _key(name), ""):
                return name
        if time.monotonic() > deadline:
            raise Busy(queue)
        time.sleep(_POLL_EVERY_S)


def held(connection: Connection, subjects: Collection[str]) -> set[str]:
    """The subjects among these whose lock another session holds, exclusively or shared, or waits for."""
    query = """
        SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks
         WHERE locktype = 'advisory' AND objsubid = 1 AND pid <> pg_backend_pid()
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
    with translated(connection, "list locks"):
        keys = {row[0] for row in connection.execute(query)}
    return {subject for subject in subjects if _key(subject) in keys}


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
    """Wait for the lock up to `wait_s`; return whether it was granted."""
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
    """The key of an advisory lock: a signed 64-bit number."""
    return int.from_bytes(hashlib.sha256(f"tenantry:{subject}".encode()).digest()[:8], "big", signed=True)
