"""A client of the spawner gets an answer, or an error in time."""

from __future__ import annotations

import contextlib
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tenantry.spawner import control
from tenantry.spawner.control import CONTROL_FILE, Server, SpawnerAway, ask


def test_a_missing_spawner_is_an_error_at_once(tmp_path: Path):
    with pytest.raises(SpawnerAway):
        ask(tmp_path / "spawner.sock", {"do": "ps"})


def test_a_spawner_that_hangs_is_waited_for_until_the_timeout(tmp_path: Path):
    file = tmp_path / "spawner.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(file))
        listener.listen()
        began = time.monotonic()
        with pytest.raises(SpawnerAway):
            ask(file, {"do": "ps"}, timeout_s=0.1)
    assert 0.1 <= time.monotonic() - began < 5


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path / CONTROL_FILE)
    yield found
    found.close()


@pytest.fixture
def client(server: Server) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as found:
        found.connect(server.listener.getsockname())
        yield found


def heard(server: Server, accepted: socket.socket) -> dict[str, Any]:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        question = server.receive(accepted)
        if question is not None:
            return question
    raise TimeoutError


def test_a_long_path_is_no_obstacle(tmp_path: Path):
    folder = tmp_path / ("long" * 30) / ("longer" * 20)
    folder.mkdir(parents=True)
    with contextlib.closing(Server(folder / CONTROL_FILE)), pytest.raises(SpawnerAway, match="timed out"):
        ask(folder / CONTROL_FILE, {"do": "ps"}, timeout_s=0.1)


def test_only_the_owner_can_connect(server: Server, tmp_path: Path):
    assert stat.S_IMODE((tmp_path / CONTROL_FILE).stat().st_mode) == 0o600


def test_a_request_is_received_once_it_is_complete(server: Server, client: socket.socket):
    accepted = server.accept()
    assert accepted
    client.sendall(b'{"do": ')
    assert server.receive(accepted) is None
    client.sendall(b'"ps"}\n')
    assert heard(server, accepted) == {"do": "ps"}
    server.answer(accepted, {"ok": True})
    assert client.recv(100) == b'{"ok": true}\n'


def test_a_client_that_sends_too_much_is_dropped(
    server: Server, client: socket.socket, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(control, "_MAX_BYTES", 1000)
    accepted = server.accept()
    assert accepted
    client.sendall(b"x" * 1001)
    with pytest.raises(EOFError):
        heard(server, accepted)


@pytest.mark.parametrize("line", [b"\xff\n", b"{\n", b"no json\n"])
def test_a_client_that_sends_an_invalid_request_is_dropped(
    server: Server, client: socket.socket, line: bytes
):
    accepted = server.accept()
    assert accepted
    client.sendall(line)
    with pytest.raises(EOFError):
        heard(server, accepted)
