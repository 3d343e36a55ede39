"""The threads that serve one tenant: requests are served, wait, or are left to the next process."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.tenant_side import load
from tests.support.waiting import wait_until

from tenantry.agreed import Field

_WITHIN_S = 120
_MOST = 3


class Board(dict[int, int]):
    """The counts for the spawner."""

    requests = 0

    def note_request(self) -> None:
        self.requests += 1


class SlowListener(socket.socket):
    """Its threads have a connection for a while before they can tell."""

    def __init__(self, family: socket.AddressFamily) -> None:
        super().__init__(family)
        self.has_accepted, self.go_on = threading.Event(), threading.Event()

    def accept(self) -> tuple[socket.socket, Any]:
        accepted = super().accept()
        self.has_accepted.set()
        self.go_on.wait(_WITHIN_S)
        return accepted


class Served:
    """Workers at a socket; each request is one word that says what it does."""

    def __init__(self, folder: Path, listener: Callable[..., Any] = socket.socket) -> None:
        self.address = str(folder / "tenant.sock")
        self.listener = listener(socket.AF_UNIX)
        self.listener.bind(self.address)
        self.listener.listen(64)
        self.board = Board()
        self.clients: list[socket.socket] = []
        self.go_on = threading.Event()
        self.workers: Any = load("saas_process.workers").Workers(self.listener, _MOST, self.serve, self.board)
        self.workers.ensure_idle_thread()

    def serve(self, connection: socket.socket) -> None:
        with connection:
            word = connection.recv(100)
            if word == b"websocket":
                self.workers.became_websocket()
            if word in (b"wait", b"websocket"):
                self.go_on.wait(_WITHIN_S)
            if word == b"exit":
                sys.exit("the controller says so")
            connection.sendall(b"served")

    def ask(self, word: str) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        self.clients.append(client)
        client.settimeout(_WITHIN_S)
        client.connect(self.address)
        client.sendall(word.encode())
        return client

    def close(self) -> None:
        self.go_on.set()
        self.workers.stop()
        wait_until(lambda: not threads())
        for opened in (self.listener, *self.clients):
            opened.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.close()


def threads() -> int:
    return sum(thread.name == "odoo.service.http" for thread in threading.enumerate())


def test_one_after_the_other_is_served_by_the_same_threads(served: Served):
    before = threads()
    for _ in range(20):
        assert served.ask("hello").recv(100) == b"served"
        # The client has the answer a moment before the thread is idle.
        wait_until(lambda: served.workers.busy == 0)
    assert served.board.requests == 20
    assert threads() <= before + 1


def test_a_request_waits_while_all_threads_are_busy(served: Served):
    clients = [served.ask("wait") for _ in range(3 * _MOST)]
    wait_until(lambda: served.workers.busy == _MOST)
    time.sleep(0.1)
    assert served.board.requests == _MOST
    served.go_on.set()
    assert [client.recv(100) for client in clients] == [b"served"] * (3 * _MOST)
    wait_until(lambda: not served.workers.are_busy)


def test_websockets_do_not_occupy_the_threads_for_requests(served: Served):
    sockets = [served.ask("websocket") for _ in range(2 * _MOST)]
    wait_until(lambda: served.workers.websockets == 2 * _MOST)
    assert served.ask("hello").recv(100) == b"served"
    assert served.board[Field.WEBSOCKETS] == 2 * _MOST
    served.go_on.set()
    assert [client.recv(100) for client in sockets] == [b"served"] * (2 * _MOST)
    wait_until(lambda: not served.workers.are_busy)


def test_a_request_that_exits_ends_nothing_but_itself(served: Served, caplog: pytest.LogCaptureFixture):
    for _ in range(2 * _MOST):
        assert served.ask("exit").recv(100) == b""
    assert served.ask("hello").recv(100) == b"served"
    assert "ended without an answer" in caplog.text


def test_connections_after_the_stop_wait_for_the_next_process(served: Served, tmp_path: Path):
    under_way = served.ask("wait")
    wait_until(lambda: served.workers.busy == 1)
    served.workers.stop()
    served.ask("hello")
    time.sleep(0.1)
    assert served.board.requests == 1
    served.go_on.set()
    assert under_way.recv(100) == b"served"
    connection, _address = served.listener.accept()
    assert connection.recv(100) == b"hello"
    connection.close()


def test_a_connection_that_was_accepted_when_the_stop_came_is_still_served(tmp_path: Path):
    """The process waits for it, although no request counts as being served yet."""
    served = Served(tmp_path, SlowListener)
    try:
        client = served.ask("hello")
        assert served.listener.has_accepted.wait(_WITHIN_S)
        served.workers.stop()
        assert not served.workers.are_busy
        assert served.workers.are_there
        served.listener.go_on.set()
        assert client.recv(100) == b"served"
        wait_until(lambda: not served.workers.are_there)
    finally:
        served.close()


def test_when_the_last_request_ended_is_known(served: Served):
    assert served.workers.idle_since is None
    began = time.monotonic()
    served.ask("hello").recv(100)
    wait_until(lambda: served.workers.idle_since)
    assert began <= served.workers.idle_since <= time.monotonic()
