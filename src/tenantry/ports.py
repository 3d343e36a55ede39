"""Choose the TCP port of a server. A server keeps its port, because proxies and bookmarks refer to it."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import psutil

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
    is_public: bool = False,
    report: Callable[[str], None] = lambda _line: None,
) -> int:
    """The operator's port, else the server's previous port, else its usual port or any free one.

    If a chosen or a previous port is in use, wait: the program that has it may be ending.
    server: its name, for the error. variable: the setting of the port, for the error. chosen, before, usual:
    0: none. is_public: a proxy leads to the usual port, so any other is refused. report: is told that another
    port than the usual one was taken. Raises PortTaken.
    """
    wanted = chosen or before
    if not wanted and not (is_public and usual):
        return _first_port(server, variable, usual, interface, report)
    wanted = wanted or usual
    deadline = time.monotonic() + _WAIT_S
    while reason := _objection(interface, wanted):
        if time.monotonic() > deadline or reason != errno.EADDRINUSE:
            name = errno.errorcode.get(reason, os.strerror(reason))
            raise PortTaken(server, wanted, name, variable, holder(wanted))
        time.sleep(_LOOK_EVERY_S)
    return wanted


def _first_port(server: str, variable: str, usual: int, interface: str, report: Callable[[str], None]) -> int:
    if not 0 < usual <= MAX_PORT:
        return free_port()
    if not _objection(interface, usual):
        return usual
    found = free_port()
    by = holder(usual) or "another program"
    choose = f"; choose another one with {variable}" if variable else ""
    report(f"NOTE: {server} gets port {found}, for {by} has port {usual}. It keeps {found}{choose}.")
    return found


def holder(port: int) -> str:
    """The program that listens on a port, as far as we may see it: "process 12 (nginx)"; "" if unknown."""
    try:
        listening = [it for it in psutil.net_connections("tcp") if it.status == psutil.CONN_LISTEN]
    except psutil.Error:
        return ""
    pid = next((it.pid for it in listening if getattr(it.laddr, "port", 0) == port and it.pid), None)
    return f"process {pid} ({_program(pid)})" if pid else ""


def _program(pid: int) -> str:
    """Its name, with the module or the script of an interpreter. Other arguments may be secrets."""
    try:
        process = psutil.Process(pid)
        name, arguments = process.name(), process.cmdline()[1:3]
    except psutil.Error:
        return "a program of another user"
    match arguments:
        case ["-m", module]:
            return f"{name} -m {module}"
        case [script, *_] if script.startswith("/") and Path(script).is_file():
            return f"{name} {script}"
    return name


def is_taken(port: int, interface: str = _LOOPBACK) -> bool:
    """Whether a program listens there."""
    return bool(_objection(interface, port))


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
