"""Asking for login pages: one after another, or as many a second as come back."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException

from bench.figures import MeasurementFailed
from tenantry.odoo.probe import LOGIN_PATH, Route

BUSY_TENANTS = 8
_CLIENTS_EACH = 2
_WARM_UP_S = 1
_TIMEOUT_S = 60


def seconds_for_page(route: Route, headers: Mapping[str, str] | None = None) -> float:
    """Raises MeasurementFailed unless it is there."""
    began = time.monotonic()
    connection = HTTPConnection(*route.address, timeout=_TIMEOUT_S)
    try:
        wanted = {"Host": route.host, "Connection": "close", **(headers or {})}
        connection.request("GET", LOGIN_PATH, headers=wanted)
        answer = connection.getresponse()
        answer.read()
    except (OSError, HTTPException) as error:
        raise MeasurementFailed(f"the login page of {route.host} does not come: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise MeasurementFailed(f"the login page of {route.host} answered {answer.status}")
    return time.monotonic() - began


def pages_by_turns(routes: Sequence[Route], count: int) -> list[tuple[float, ...]]:
    """For each route the seconds of that many warm pages; a busy moment of the machine meets them all."""
    for route in routes:
        seconds_for_page(route)
    rounds = [[seconds_for_page(route) for route in routes] for _ in range(count)]
    return list(zip(*rounds, strict=True))


def pages_a_second(routes: Sequence[Route], seconds: float) -> float:
    """How many login pages several clients of each route get, each asking again at once.

    The client is this process: a thread for each, plain sockets, a connection for each request, as Odoo's
    threaded server has it. Raises MeasurementFailed when one page was not there.
    """
    for route in routes:
        seconds_for_page(route)
    begin = time.monotonic() + _WARM_UP_S
    clients = [_Client(route, begin, begin + seconds) for route in routes for _ in range(_CLIENTS_EACH)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    failed = next((client.failure for client in clients if client.failure), "")
    if failed:
        raise MeasurementFailed(f"a busy tenant's login page was answered with {failed}")
    return sum(client.count for client in clients) / seconds


class _Client(threading.Thread):
    """count: the pages that came between `begin` and `end`. failure: of one that did not."""

    def __init__(self, route: Route, begin: float, end: float) -> None:
        super().__init__(daemon=True)
        self._address, self._begin, self._end = route.address, begin, end
        self._request = (
            f"GET {LOGIN_PATH} HTTP/1.1\r\nHost: {route.host}\r\nConnection: close\r\n\r\n".encode()
        )
        self.count = 0
        self.failure = ""

    def run(self) -> None:
        while (now := time.monotonic()) < self._end and not self.failure:
            try:
                self._ask()
            except OSError as error:
                self.failure = str(error) or type(error).__name__
            self.count += self._begin <= now

    def _ask(self) -> None:
        with socket.create_connection(self._address, timeout=_TIMEOUT_S) as connection:
            connection.sendall(self._request)
            first = connection.recv(65536)
            while connection.recv(65536):
                pass
        line = first.partition(b"\r\n")[0]
        if line.split(b" ")[1:2] != [b"200"]:
            self.failure = line.decode(errors="replace") or "nothing"
