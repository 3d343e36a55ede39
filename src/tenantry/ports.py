"""Choose the TCP port of a server. A server keeps its port, because proxies and bookmarks refer to it."""

from __future__ import annotations

import errno
import os
import socket
import time

from tenantry.errors import PortTaken

MAX_PORT = 65535
_WAIT_S = 10
_LOOK_EVERY_S = 0.2
_LOOPBACK = "127.0.0.1"


def choose_port(
    server: str,
    variable: str = "",
    *,
    chosen: int = 0,
    before: int = 0,
    usual: int = 0,
    interface: str = _LOOPBACK,
) -> int:
    """The operator's port, else the server's previous port, else its usual port or any free one.

    If a chosen or a previous port is in use, wait: the program that has it may be ending.
    server: its name, for the error. variable: the setting of the port, for the error. chosen, before, usual:
    0: none. Raises PortTaken.
    """
    wanted = chosen or before
    if not wanted:
        return usual if 0 < usual <= MAX_PORT and not _objection(interface, usual) else free_port()
    deadline = time.monotonic() + _WAIT_S
    while reason := _objection(interface, wanted):
        if time.monotonic() > deadline or reason != errno.EADDRINUSE:
            raise PortTaken(server, wanted, errno.errorcode.get(reason, os.strerror(reason)), variable)
        time.sleep(_LOOK_EVERY_S)
    return wanted


def free_port() -> int:
    """Any free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _objection(interface: str, port: int) -> int:
    """The system's error number when a program listens there; 0 when the port is usable."""
    try:
        family, kind, *_rest, address = socket.getaddrinfo(interface, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno or errno.EADDRINUSE
    return 0
