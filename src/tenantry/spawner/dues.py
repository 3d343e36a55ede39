"""When the next scheduled jobs of sleeping tenants are due: read in their databases, as their own roles."""

from __future__ import annotations

import logging
import os
import queue
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg import conninfo

from tenantry.agreed import NEXT_DUE

_logger = logging.getLogger(__name__)

_AT_ONCE = 4
_TIMEOUT_S = 5
_NEVER_S = 366 * 86400.0


class Dues:
    """Queries a few databases at a time; `fileno` is readable when there are answers."""

    def __init__(self, address: Mapping[str, str], password_of: Callable[[str], str]) -> None:
        self._address = dict(address)
        self._password_of = password_of
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dues")
        self._answers: queue.SimpleQueue[tuple[str, float | None]] = queue.SimpleQueue()
        self._readable, self._writable = os.pipe()
        os.set_blocking(self._readable, False)
        os.set_blocking(self._writable, False)

    def fileno(self) -> int:
        return self._readable

    def ask(self, database: str) -> None:
        self._pool.submit(self._answer, database)

    def answers(self) -> list[tuple[str, float | None]]:
        """Each database with the seconds until its next job; None when the query failed."""
        try:
            os.read(self._readable, 65536)
        except BlockingIOError:
            return []
        found = []
        while not self._answers.empty():
            found.append(self._answers.get())
        return found

    def _answer(self, database: str) -> None:
        try:
            due_s = self._query(database)
        except (psycopg.Error, ValueError, TypeError, OverflowError) as error:
            _logger.warning("cannot read when the next job of %s is due: %s", database, str(error).strip())
            due_s = None
        self._answers.put((database, due_s))
        try:
            os.write(self._writable, b"a")
        except BlockingIOError:
            return

    def _query(self, database: str) -> float:
        """A tenant can replace a table by a view: the answer is untrusted, and the query has a time limit."""
        target = conninfo.make_conninfo(
            conninfo.make_conninfo("", **self._address),
            user=database,
            password=self._password_of(database),
            dbname=database,
            connect_timeout=str(_TIMEOUT_S),
            application_name="tenantry-spawner",
            options=f"-c statement_timeout={_TIMEOUT_S}s -c default_transaction_read_only=on",
        )
        with psycopg.connect(target) as connection:
            row = connection.execute(NEXT_DUE).fetchone()
        return _NEVER_S if row is None or row[0] is None else min(max(float(row[0]), -_NEVER_S), _NEVER_S)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
