"""How the engine talks to a running spawner: JSON lines over a socket only its owner reaches."""

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
    """No spawner listens there, or it has gone in the middle."""


def ask(file: Path, question: Mapping[str, Any], timeout_s: float = 30) -> dict[str, Any]:
    """Ask, and wait for the answer. Raises SpawnerAway."""
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
    """A path of the file that is short enough for a socket's address, which holds 107 bytes."""
    if len(os.fsencode(file)) < _LONGEST:
        yield str(file)
        return
    folder = os.open(file.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{file.name}"
    finally:
        os.close(folder)


class Server:
    """The other end. It is read without waiting; a client that says too much is dropped."""

    def __init__(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        with socket_address(file) as address:
            self.listener.bind(address)
        file.chmod(0o600)
        self.listener.listen(64)
        self.listener.setblocking(False)
        self._heard: dict[socket.socket, bytes] = {}

    def accept(self) -> socket.socket | None:
        try:
            client, _address = self.listener.accept()
        except OSError:
            return None
        client.setblocking(False)
        self._heard[client] = b""
        return client

    def hear(self, client: socket.socket) -> dict[str, Any] | None:
        """A question once it is whole; None before. Raises EOFError when the client is gone."""
        try:
            data = client.recv(65536)
        except BlockingIOError:
            return None
        except OSError as error:
            raise EOFError from error
        text = self._heard.get(client, b"") + data
        if not data or len(text) > _MAX_BYTES:
            raise EOFError
        self._heard[client] = text
        line, newline, rest = text.partition(b"\n")
        if not newline:
            return None
        self._heard[client] = rest
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
        self._heard.pop(client, None)
        client.close()

    def close(self) -> None:
        self.listener.close()
        for client in list(self._heard):
            self.drop(client)
