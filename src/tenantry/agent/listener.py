"""The agent of this machine: a socket that one user may connect to, and a process for each connection.

The processes are forked from one that has loaded the engine already, so that a call costs milliseconds. A
caller's first line is the address of a server: one of this machine, or one that is reached by ssh.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

from tenantry import process
from tenantry.agent.handler import CALLER_LOST, answer, lines
from tenantry.agent.ssh import ssh_command
from tenantry.agent.wire import to_line
from tenantry.engine import Engine
from tenantry.errors import AgentLost, TenantryError
from tenantry.model.server import ServerAddress
from tenantry.spawner.control import socket_address

_logger = logging.getLogger(__name__)

_PEER = struct.Struct("3i")
_MAX_CHILDREN = 64
"""Further connections wait, so that a caller cannot fill the machine with our processes."""
_POLL_S = 0.02
_MAX_ADDRESS_BYTES = 1000


def serve(engine: Engine, file: Path, user: int) -> None:
    """Answer until SIGTERM. user: the id of the user that may connect, besides our own."""
    for name in (engine.settings.name, *engine.settings.others()):
        try:
            engine.at(name).load()
        except TenantryError as error:  # callers who address this server get the error
            _logger.warning("server %s: %s %s", name, error, error.remedy)
    allowed = {os.geteuid(), user}
    forks = _Forks()
    with _listener(file, user) as listener:
        while True:
            try:
                connection, _address = listener.accept()
                with connection:
                    if _user_of(connection) not in allowed:
                        _logger.warning("user %d was refused", _user_of(connection))
                    elif forks.fork():
                        listener.close()
                        _answer_one(engine, connection)
            except OSError as error:  # no memory or descriptor is left: the next connection may work
                _logger.warning("a connection could not be answered: %s", error)
                time.sleep(_POLL_S)


class _Forks:
    """This process's children: limited in number, reaped when they end, and ended together with us."""

    def __init__(self) -> None:
        self._begun = self._ended = 0
        self._pipe_to_read, self._pipe_held_open = os.pipe()
        signal.signal(signal.SIGCHLD, self._reap)

    def _reap(self, *_signal: object) -> None:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                self._ended += 1

    def fork(self) -> bool:
        """Fork; return whether this is the child. Waits while there are too many."""
        while self._begun - self._ended >= _MAX_CHILDREN:
            time.sleep(_POLL_S)
        is_child = os.fork() == 0
        if is_child:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(self._pipe_held_open)
            threading.Thread(target=self._end_with_parent, daemon=True).start()
        self._begun += 1
        return is_child

    def _end_with_parent(self) -> None:
        """In the child: end when the parent ends. Nobody writes to the pipe: reading returns only then."""
        os.read(self._pipe_to_read, 1)
        os._exit(CALLER_LOST)


def _listener(file: Path, user: int) -> socket.socket:
    """Listen at the socket. The kernel refuses users other than its owner and root."""
    file.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    previous = os.umask(0o177)
    try:
        with socket_address(file) as address:
            listener.bind(address)
    finally:
        os.umask(previous)
    os.chown(file, user, user, follow_symlinks=False)
    listener.listen(64)
    return listener


def _user_of(connection: socket.socket) -> int:
    """The peer's user id, from the kernel."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _process, user, _group = _PEER.unpack(packed)
    return int(user)


def _answer_one(engine: Engine, connection: socket.socket) -> None:
    """Answer a connection in the child, and end the child."""
    code = 1
    try:
        server = ServerAddress.of(_first_line(connection))
        if server.destination:
            _relay(connection, ssh_command(server, engine.settings.installation.ssh_config))
        else:
            with connection.makefile("rb") as questions, connection.makefile("wb") as answers:
                answer(engine.at(server.name), lines(questions), answers)
        code = 0
    except TenantryError as error:
        connection.sendall(to_line({"error": error}))
        code = 0
    except BrokenPipeError:
        code = 0
    except Exception:
        _logger.exception("a caller got no answer")
    finally:
        logging.shutdown()
        os._exit(code)


def _first_line(connection: socket.socket) -> str:
    """Read one line and nothing more: the rest is for the reader that follows."""
    line = b""
    while not line.endswith(b"\n") and len(line) < _MAX_ADDRESS_BYTES:
        byte = connection.recv(1)
        if not byte:
            break
        line += byte
    return line.decode(errors="replace").strip()


def _relay(connection: socket.socket, command: list[str]) -> None:
    """Connect the caller with the agent of another machine. Raises AgentLost."""
    peer = connection.fileno()
    done = subprocess.run(command, check=False, stdin=peer, stdout=peer, stderr=subprocess.PIPE)
    if done.returncode:
        reason = process.last_lines(done.stderr.decode(errors="replace"), 1)
        raise AgentLost(reason or f"ssh ended with code {done.returncode}")
