"""Whose connections and listening sockets there are, by the kernel's tables."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_MAPPED = "0000000000000000FFFF0000"
"""Before an IPv4 address that a program reaches by an IPv6 socket: it is in the second table only."""
_NOBODY, _LISTENING = "00000000:0000", "0A"
End = tuple[str, int]


def user_of(client: End, server: End) -> int | None:
    """The user id of the program that opened the connection; None if it is not known.

    client, server: its ends, as IPv4 address and port on this machine. 0 is root, or a program that has
    closed its end.
    """
    ends = (_written(client), _written(server))
    return next((user for local, remote, _state, user in _sockets() if (local, remote) == ends), None)


def listener_at(server: End) -> int | None:
    """The user id of the program that listens at an IPv4 address and port; None: nobody does."""
    wanted = (_written(server), _NOBODY, _LISTENING)
    return next((user for *socket_, user in _sockets() if tuple(socket_) == wanted), None)


def _sockets() -> Iterator[tuple[str, str, str, int]]:
    """Each socket's local and remote end, its state and its user."""
    for table in _TABLES:
        if table.exists():  # a machine may have no IPv6
            for line in table.read_text(encoding="ascii").splitlines()[1:]:
                _number, local, remote, state, *rest = line.split()
                yield local.removeprefix(_MAPPED), remote.removeprefix(_MAPPED), state, int(rest[3])


def _written(end: End) -> str:
    (number,) = struct.unpack("=I", socket.inet_aton(end[0]))
    return f"{number:08X}:{end[1]:04X}"
