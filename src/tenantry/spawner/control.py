"""The control socket: the engine sends JSON lines to a running spawner. Only the owner can connect."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CONTROL_FILE = "spawner.sock"
_MAX_BYTES = 8 * 2**20
_LONGEST = 107


class SpawnerAway(Exception):
    """No spawner listens there, or it ended before it answered."""


def ask(file: Path, question: Mapping[str, Any], timeout_s: float = 30) -> dict[str, Any]:
    """Send one request and wait for its answer. Raises SpawnerAway."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(timeout_s)
            with socket_address(file) as address:
                client.connect(address)
            client.sendall(json.dumps(question).encode() + b"\n")
            with client.makefile("rb") as stream:
                line = stream.readline(_MAX_BYTES)
    except OSError as error:
        raise SpawnerAway(str(error)) from error
    if not line:
        raise SpawnerAway("it went away without an answer")
    answer: dict[str, Any] = json.loads(line)
    return answer


@contextmanager
def socket_address(file: Path) -> Iterator[str]:
    """A path to the file that fits into a socket's address, which holds 107 bytes."""
    if len(os.fsencode(file)) < _LONGEST:
        yield str(file)
        return
    folder = os.open(file.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{file.name}"
    finally:
        os.close(folder)


class Server:
    """The spawner's end: reads without waiting, and drops a client that sends too much."""

    def __init__(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        with socket_address(file) as address:
            self.listener.bind(address)
        file.chmod(0o600)
        self.listener.listen(64)
        self.listener.setblocking(False)
        self._received: dict[socket.socket, bytes] = {}

    def accept(self) -> socket.socket | None:
        try:
            client, _address = self.listener.accept()
        except OSError:
            return None
        client.setblocking(False)
        self._received[client] = b""
        return client

    def receive(self, client: socket.socket) -> dict[str, Any] | None:
        """A complete request; None while it is incomplete. Raises EOFError when the client is gone."""
        try:
            data = client.recv(65536)
        except BlockingIOError:
            return None
        except OSError as error:
            raise EOFError from error
        text = self._received.get(client, b"") + data
        if not data or len(text) > _MAX_BYTES:
            raise EOFError
        self._received[client] = text
        line, newline, rest = text.partition(b"\n")
        if not newline:
            return None
        self._received[client] = rest
        try:
            question = json.loads(line)
        except ValueError as error:
            raise EOFError from error
        return question if isinstance(question, dict) else {}

    def answer(self, client: socket.socket, answer: Mapping[str, Any]) -> None:
        client.settimeout(5)
        try:
            client.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            return
        finally:
            if client.fileno() >= 0:
                client.setblocking(False)

    def drop(self, client: socket.socket) -> None:
        self._received.pop(client, None)
        client.close()

    def close(self) -> None:
        self.listener.close()
        for client in list(self._received):
            self.drop(client)
