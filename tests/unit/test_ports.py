"""A server keeps its port: proxies, bookmarks and `web.base.url` lead to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import psutil
import pytest

from tenantry import ports
from tenantry.errors import PortTaken
from tenantry.ports import choose_port, free_port


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_WAIT_S", 0.5)


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def test_the_first_time_it_gets_its_usual_port_or_another_if_that_is_taken(taken: socket.socket):
    usual = free_port()
    assert choose_port("The front", usual=usual) == usual
    assert choose_port("The front", usual=port_of(taken)) not in (0, port_of(taken))
    assert choose_port("PostgreSQL") > 0


def test_it_keeps_the_port_it_had_and_what_was_chosen_counts_for_more():
    usual, before, chosen = free_port(), free_port(), free_port()
    assert choose_port("The front", before=before, usual=usual) == before
    assert choose_port("The front", chosen=chosen, before=before, usual=usual) == chosen


@pytest.mark.parametrize("why", ["chosen", "before"])
def test_it_does_not_move_to_another_port_by_itself(taken: socket.socket, why: str):
    with pytest.raises(PortTaken, match=f"port {port_of(taken)} .*EADDRINUSE") as refusal:
        choose_port("The front", "TENANTRY_HTTP_PORT", usual=free_port(), **{why: port_of(taken)})
    assert "TENANTRY_HTTP_PORT" in refusal.value.remedy


def test_who_moves_to_another_port_says_so(taken: socket.socket):
    said: list[str] = []
    port = choose_port("The front", "TENANTRY_HTTP_PORT", usual=port_of(taken), report=said.append)
    (line,) = said
    for told in ("The front", str(port), str(port_of(taken)), f"process {os.getpid()}", "TENANTRY_HTTP_PORT"):
        assert told in line


def test_who_gets_the_usual_port_has_nothing_to_say():
    said: list[str] = []
    choose_port("The front", usual=free_port(), report=said.append)
    assert said == []


def test_behind_a_proxy_even_the_first_start_takes_no_other_port(taken: socket.socket):
    with pytest.raises(PortTaken) as refusal:
        choose_port("The front", "TENANTRY_HTTP_PORT", usual=port_of(taken), is_public=True)
    assert f"process {os.getpid()}" in str(refusal.value)
    assert "TENANTRY_HTTP_PORT" in refusal.value.remedy


def test_the_program_on_a_port_is_named_without_the_secrets_of_its_command_line():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        program = "import sys, time; print(1, flush=True); time.sleep(60)"
        command = [sys.executable, "-c", program, "--password", "pearl"]
        other = subprocess.Popen(command, pass_fds=[listener.fileno()], stdout=subprocess.PIPE)
        with other:
            assert other.stdout
            other.stdout.read(1)
            port = port_of(listener)
            listener.close()
            named, name = ports.holder(port), psutil.Process(other.pid).name()
            other.kill()
    assert f"process {other.pid}" in named
    assert name in named
    assert "pearl" not in named


def test_it_waits_for_the_previous_program_on_the_port_to_end(
    taken: socket.socket, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ports, "_WAIT_S", 30)
    ending = threading.Timer(0.3, taken.close)
    ending.start()
    port = port_of(taken)
    assert choose_port("The front", before=port) == port
    ending.join()


def test_an_address_that_the_machine_lacks_is_an_error_at_once():
    for interface in ("192.0.2.1", "no-such-host.invalid"):
        with pytest.raises(PortTaken, match="EADDRNOTAVAIL"):
            choose_port("The front", chosen=free_port(), interface=interface)


def test_an_invalid_usual_port_is_not_used():
    assert choose_port("The master", usual=65538) <= ports.MAX_PORT
