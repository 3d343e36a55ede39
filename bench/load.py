"""Request login pages one after another, and as many per second as the server can answer."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from bench.figures import MeasurementFailed
from tenantry.engine import Engine
from tenantry.odoo.probe import LOGIN_PATH, Route

_WARM_UP_S = 1
_TIMEOUT_S = 60
_TIMEOUT = struct.pack("ll", _TIMEOUT_S, 0)


def route_to(engine: Engine, name: str) -> Route:
    """The way to an instance; the version before has it of its runtime."""
    return (engine.context if hasattr(engine.context, "route") else engine.runtime).route(name)


def place_of(route: Route) -> tuple[str, int]:
    """Where to connect for it; the version before has it of the route itself."""
    return (route.upstream.host, route.upstream.port) if hasattr(route, "upstream") else route.address


def seconds_for_page(route: Route, headers: Mapping[str, str] | None = None) -> float:
    """Raises MeasurementFailed unless it is there."""
    began = time.monotonic()
    connection = HTTPConnection(*place_of(route), timeout=_TIMEOUT_S)
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


@dataclass(frozen=True)
class Visitor:
    """A client that repeats these requests in order. requests: the complete bytes of each."""

    address: tuple[str, int]
    requests: Sequence[bytes]

    @classmethod
    def of_pages(cls, route: Route) -> Visitor:
        return cls(place_of(route), [request(route, "GET", LOGIN_PATH)])


def request(route: Route, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request with a connection of its own, as Odoo's threaded server has it."""
    wanted = {"Host": route.host, "Connection": "close", "Content-Length": str(len(body)), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in wanted.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def answers_a_second(visitors: Sequence[Visitor], seconds: float) -> float:
    """How many answers they get, each asking again at once.

    All of them are threads of this process with plain sockets: some 0.2 ms of computing for an answer.
    Raises MeasurementFailed when one answer is not 200.
    """
    begin = time.monotonic() + _WARM_UP_S
    clients = [_Client(visitor, begin, begin + seconds) for visitor in visitors]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    failed = next((client.failure for client in clients if client.failure), "")
    if failed:
        raise MeasurementFailed(f"a busy tenant answered with {failed}")
    return sum(client.count for client in clients) / seconds


class _Client(threading.Thread):
    """count: the answers between `begin` and `end`. failure: the first line of one that was not 200."""

    def __init__(self, visitor: Visitor, begin: float, end: float) -> None:
        super().__init__(daemon=True)
        self._visitor, self._begin, self._end = visitor, begin, end
        self.count = 0
        self.failure = ""

    def run(self) -> None:
        while True:
            for wanted in self._visitor.requests:
                try:
                    self._ask(wanted)
                except OSError as error:
                    self.failure = str(error) or type(error).__name__
                now = time.monotonic()
                if self.failure or now > self._end:
                    return
                self.count += now > self._begin

    def _ask(self, wanted: bytes) -> None:
        with socket.socket() as connection:
            # The kernel's time limit: Python's costs a further call for each of the others.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEOUT)
            connection.connect(self._visitor.address)
            connection.sendall(wanted)
            first = connection.recv(65536)
            while connection.recv(65536):
                pass
        line = first.partition(b"\r\n")[0]
        if line.split(b" ")[1:2] != [b"200"]:
            self.failure = line.decode(errors="replace") or "nothing"
