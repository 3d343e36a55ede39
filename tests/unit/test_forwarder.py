"""Visitors of a tenant that has moved are taken to its new server, and those who wait there, too."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.waiting import wait_until

from tenantry.model.catalog import Kind, Label, State
from tenantry.spawner.catalog import Entry
from tenantry.spawner.forwarding import Forwarding
from tenantry.spawner.loop import Loop
from tenantry.spawner.tenants import Tenant

HOST = "acme.example.com"


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A spawner's loop, which runs."""
    loop = Loop()
    loop.timers.after(0, lambda: None)
    waking, woken = socket.socketpair()
    loop.watch(woken, lambda: woken.recv(1))
    thread = threading.Thread(target=loop.run)
    thread.start()
    yield loop
    loop.end()
    waking.send(b"!")
    thread.join()
    waking.close()
    woken.close()


@pytest.fixture
def forwarding(loop: Loop) -> Iterator[Forwarding]:
    found = Forwarding(loop)
    yield found
    found.stop(at_once=True)
    if found._process:
        found._process.wait()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """The front of the other server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        yield listener


@pytest.fixture
def tenant(tmp_path: Path, server: socket.socket) -> Iterator[Tenant]:
    """It has moved to that server."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "acme.sock"))
    listener.listen(64)
    listener.setblocking(False)
    label = Label(Kind.INSTANCE, State.MOVED, forward_to=f"127.0.0.1:{server.getsockname()[1]}")
    yield Tenant(Entry(1, "acme", label), HOST, listener)
    listener.close()


def visitor(tenant: Tenant) -> socket.socket:
    assert tenant.listener
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(30)
    client.connect(tenant.listener.getsockname())
    return client


def accepted(server: socket.socket) -> socket.socket:
    connection, _address = server.accept()
    connection.settimeout(30)
    return connection


def read_all(connection: socket.socket) -> bytes:
    data = b""
    while more := connection.recv(65536):
        data += more
    return data


def moved_back(tenant: Tenant) -> Tenant:
    tenant.entry = Entry(2, "acme", Label(Kind.INSTANCE, State.ACTIVE))
    return tenant


def test_a_visitor_who_waited_already_is_taken_there_and_gets_the_whole_answer(
    forwarding: Forwarding, tenant: Tenant, server: socket.socket
):
    answer = os.urandom(3_000_000)
    with visitor(tenant) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        forwarding.follow(tenant)
        with accepted(server) as connection:
            assert connection.recv(100) == b"GET / HTTP/1.1\r\n\r\n"
            connection.sendall(answer)
        assert read_all(client) == answer


def test_who_has_said_all_still_gets_the_answer(
    forwarding: Forwarding, tenant: Tenant, server: socket.socket
):
    forwarding.follow(tenant)
    with visitor(tenant) as client:
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        with accepted(server) as connection:
            assert read_all(connection) == b"question"
            connection.sendall(b"answer")
        assert read_all(client) == b"answer"


def test_a_server_that_is_away_for_a_moment_is_reached_when_it_is_back(
    forwarding: Forwarding, tenant: Tenant, server: socket.socket
):
    port = server.getsockname()[1]
    server.close()
    forwarding.follow(tenant)
    with visitor(tenant) as client:
        client.sendall(b"question")
        with socket.create_server(("127.0.0.1", port)) as again, accepted(again) as connection:
            assert connection.recv(100) == b"question"


def test_after_the_way_back_visitors_wait_at_the_socket_and_former_ones_are_served_to_the_end(
    forwarding: Forwarding, tenant: Tenant, server: socket.socket
):
    assert tenant.listener
    forwarding.follow(tenant)
    with visitor(tenant) as former:
        former.sendall(b"question")
        with accepted(server) as connection:
            forwarding.follow(moved_back(tenant))
            # What the forwarder is told takes it a moment; who comes until then is forwarded.
            server.settimeout(0.05)
            wait_until(lambda: is_kept(tenant, server), "it goes on to forward")
            assert connection.recv(100) == b"question"
            connection.sendall(b"answer")
        assert read_all(former) == b"answer"


def is_kept(tenant: Tenant, server: socket.socket) -> bool:
    """Whether a new visitor stays in the socket's queue."""
    assert tenant.listener
    with visitor(tenant):
        try:
            server.accept()[0].close()
        except TimeoutError:
            tenant.listener.accept()[0].close()
            return True
    return False


def test_a_killed_forwarder_is_started_again(forwarding: Forwarding, tenant: Tenant, server: socket.socket):
    forwarding.follow(tenant)
    assert forwarding._process
    first = forwarding._process.pid
    os.kill(first, signal.SIGKILL)
    with visitor(tenant) as client:
        client.sendall(b"question")
        with accepted(server) as connection:
            assert connection.recv(100) == b"question"
    assert forwarding._process.pid != first


def test_it_ends_when_the_spawner_has_ended_and_its_last_visitor_is_gone(
    forwarding: Forwarding, tenant: Tenant, server: socket.socket
):
    forwarding.follow(tenant)
    assert forwarding._process
    with visitor(tenant) as client:
        client.sendall(b"question")
        with accepted(server) as connection:
            forwarding.stop(at_once=False)
            assert connection.recv(100) == b"question"
            assert forwarding._process.poll() is None
            connection.sendall(b"answer")
        assert read_all(client) == b"answer"
    assert forwarding._process.wait(30) == 0


def test_who_has_not_moved_is_not_forwarded(forwarding: Forwarding, tenant: Tenant):
    forwarding.follow(moved_back(tenant))
    assert forwarding._process is None
