"""A browser's websocket to an Odoo, as far as tests need one."""

from __future__ import annotations

import base64
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tenantry.engine import Engine
from tenantry.odoo.probe import Route

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_TIMEOUT_S = 20


class Websocket:
    """An open websocket."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream = connection.makefile("rb")
        self._connection = connection

    def send(self, text: str) -> None:
        self._send(_TEXT, text.encode())

    def ping(self) -> bool:
        """Whether the other end answers."""
        self._send(_PING, b"there?")
        return any(kind == _PONG for kind in iter(self._receive, _CLOSE))

    def wait_until_closed(self) -> None:
        """Raises TimeoutError."""
        while self._receive() != _CLOSE:
            pass

    def _send(self, kind: int, payload: bytes) -> None:
        """With a mask of zeros, which changes nothing."""
        self._connection.sendall(bytes([0x80 | kind, 0x80 | len(payload), 0, 0, 0, 0]) + payload)

    def _receive(self) -> int:
        """The kind of the next message; a connection that ended counts as closed."""
        head = self._stream.read(2)
        if len(head) < 2:
            return _CLOSE
        size = head[1] & 0x7F
        if size > 125:
            size = int.from_bytes(self._stream.read(2 if size == 126 else 8), "big")
        self._stream.read(size)
        return head[0] & 0xF


@contextmanager
def websocket(engine: Engine, route: Route, session: str) -> Iterator[Websocket]:
    """Connect through the front, with that session."""
    key = base64.b64encode(os.urandom(16)).decode()
    front = (route.upstream.host, route.upstream.port)
    with socket.create_connection(front, timeout=_TIMEOUT_S) as connection:
        connection.sendall(
            f"GET /websocket?version={_version(engine)} HTTP/1.1\r\nHost: {route.host}\r\n"
            f"Origin: {route.url}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Cookie: session_id={session}\r\n\r\n".encode()
        )
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += connection.recv(1) or _ended(answer)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        yield Websocket(connection)


def _ended(answer: bytes) -> bytes:
    raise ConnectionError(f"no websocket: {answer!r}")


def _version(engine: Engine) -> str:
    """Odoo refuses others."""
    module = engine.odoo.find_module("bus")
    assert module
    found = re.search(r"_VERSION = [\"']([^\"']+)", (module / "websocket.py").read_text())
    assert found
    return found[1]
