"""Whose connection it is, by the kernel's table of connections."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

_TABLE = Path("/proc/net/tcp")


def user_of(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """The user id of the program that opened the connection; None if it is not known.

    client, server: its ends, as IPv4 address and port on this machine.
    """
    ends = (_written(client), _written(server))
    for line in _TABLE.read_text(encoding="ascii").splitlines()[1:]:
        columns = line.split()
        if (columns[1], columns[2]) == ends:
            return int(columns[7])
    return None


def _written(end: tuple[str, int]) -> str:
    (number,) = struct.unpack("=I", socket.inet_aton(end[0]))
    return f"{number:08X}:{end[1]:04X}"
