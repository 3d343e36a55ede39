"""Whose a connection to the relay is, however it was opened."""

from __future__ import annotations

import os
import socket

import pytest

from tenantry.relay import peers


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::ffff:127.0.0.1")]
)
def test_the_user_of_a_connection_is_known_also_of_an_ipv6_socket(family: int, address: str):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(family) as client:
        client.connect((address, server.getsockname()[1]))
        accepted, peer = server.accept()
        with accepted:
            assert peers.user_of(peer, accepted.getsockname()) == os.geteuid()


def test_who_listens_is_known_and_that_nobody_does():
    with socket.create_server(("127.0.0.1", 0)) as server:
        end = server.getsockname()
        assert peers.listener_at(end) == os.geteuid()
    assert peers.listener_at(end) is None
