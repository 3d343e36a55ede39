"""A customer's users who work without a pause, while something is done with their instance."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from tenantry.engine import Engine
from tenantry.model.instance import Creation
from tests.support.odoo_client import WebClient
from tests.support.tenants import ask, log_in
from tests.support.waiting import wait_until

_USERS = 2


@dataclass
class Ticker:
    """written: the names of the partners whose creation was answered. failures: of all others."""

    written: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def lost(self, engine: Engine) -> list[str]:
        """What was answered and is not in the database there, or is there twice."""
        rows = [
            name for (name,) in ask(engine, "acme", "SELECT name FROM res_partner WHERE name LIKE 'tick %'")
        ]
        return [name for name in self.written if rows.count(name) != 1]


@contextmanager
def ticking(engine: Engine, creation: Creation) -> Iterator[Ticker]:
    """Write through that server's address from before the block until after it."""
    ticker, is_over = Ticker(), threading.Event()
    users = [log_in(engine, creation) for _ in range(_USERS)]

    def work(number: int, user: WebClient) -> None:
        count = 0
        while not is_over.is_set():
            name = f"tick {number}-{count}-{id(ticker)}"
            try:
                user.call("res.partner", "create", [{"name": name}])
                ticker.written.append(name)
            except Exception as error:
                ticker.failures.append(repr(error))
                is_over.set()
            count += 1

    def is_under_way(after: int) -> bool:
        return len(ticker.written) > after + 2 * _USERS or bool(ticker.failures)

    with ThreadPoolExecutor(_USERS) as pool:
        for number, user in enumerate(users):
            pool.submit(work, number, user)
        try:
            wait_until(lambda: is_under_way(0), "nobody works")
            yield ticker
            before = len(ticker.written)
            wait_until(lambda: is_under_way(before), "nobody works any more")
        finally:
            is_over.set()
