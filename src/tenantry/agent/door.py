"""The agent of this machine: a socket that one user may use, and a process for each who comes.

The processes are forks of one that has the engine loaded already, so that asking costs milliseconds. A caller
first says, in a line, which server they ask: one of this machine's, or by ssh one of another.
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
from tenantry.agent.answering import LEFT_ALONE, answer, lines
from tenantry.agent.ssh import ssh_command
from tenantry.agent.wire import to_line
from tenantry.engine import Engine
from tenantry.errors import AgentLost, TenantryError
from tenantry.model.server import ServerAddress
from tenantry.spawner.control import socket_address

_logger = logging.getLogger(__name__)

_PEER = struct.Struct("3i")
_MOST_AT_ONCE = 64
"""Others wait in line: a caller cannot fill the machine with our processes."""
_POLL_S = 0.02
_MOST_OF_AN_ADDRESS = 1000


def serve(engine: Engine, file: Path, user: int) -> None:
    """Answer until SIGTERM. user: the id of who may ask, besides ourselves."""
    for name in (engine.settings.name, *engine.settings.others()):
        try:
            engine.at(name).load()
        except TenantryError as error:  # it is said to who asks for it
            _logger.warning("server %s: %s %s", name, error, error.remedy)
    allowed = {os.geteuid(), user}
    forks = _Forks()
    with _listener(file, user) as listener:
        while True:
            try:
                connection, _address = listener.accept()
                with connection:
                    if _user_of(connection) not in allowed:
                        _logger.warning("user %d was sent away", _user_of(connection))
                    elif forks.fork():
                        listener.close()
                        _answer_one(engine, connection)
            except OSError as error:  # no memory or descriptor is left: the next one may be luckier
                _logger.warning("nobody was answered: %s", error)
                time.sleep(_POLL_S)


class _Forks:
    """This process's children: a few at a time, none is left a zombie, and none outlives us."""

    def __init__(self) -> None:
        self._begun = self._ended = 0
        self._our_end, self._held_open = os.pipe()
        signal.signal(signal.SIGCHLD, self._bury)

    def _bury(self, *_signal: object) -> None:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                self._ended += 1

    def fork(self) -> bool:
        """Whether this is the child. Waits while there are too many."""
        while self._begun - self._ended >= _MOST_AT_ONCE:
            time.sleep(_POLL_S)
        is_child = os.fork() == 0
        if is_child:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(self._held_open)
            threading.Thread(target=self._end_with_us, daemon=True).start()
        self._begun += 1
        return is_child

    def _end_with_us(self) -> None:
        """Nothing is ever written: it can be read once the agent is gone, and holds it open no more."""
        os.read(self._our_end, 1)
        os._exit(LEFT_ALONE)


def _listener(file: Path, user: int) -> socket.socket:
    """Another than its owner is stopped by the kernel already."""
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
    """The peer's user id, as the kernel has it."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _process, user, _group = _PEER.unpack(packed)
    return int(user)


def _answer_one(engine: Engine, connection: socket.socket) -> None:
    """In the fork, which ends with it."""
    code = 1
    try:
        there = ServerAddress.of(_first_line(connection))
        if there.destination:
            _pass_on(connection, ssh_command(there, engine.settings.installation.ssh_config))
        else:
            with connection.makefile("rb") as questions, connection.makefile("wb") as answers:
                answer(engine.at(there.name), lines(questions), answers)
        code = 0
    except TenantryError as error:
        connection.sendall(to_line({"error": error}))
        code = 0
    except BrokenPipeError:
        code = 0
    except Exception:
        _logger.exception("a caller was left without an answer")
    finally:
        logging.shutdown()
        os._exit(code)


def _first_line(connection: socket.socket) -> str:
    """Nothing is read ahead: what follows is another's to read."""
    line = b""
    while not line.endswith(b"\n") and len(line) < _MOST_OF_AN_ADDRESS:
        byte = connection.recv(1)
        if not byte:
            break
        line += byte
    return line.decode(errors="replace").strip()


def _pass_on(connection: socket.socket, command: list[str]) -> None:
    """Let the caller talk with the agent of another machine. Raises AgentLost."""
    end = connection.fileno()
    done = subprocess.run(command, check=False, stdin=end, stdout=end, stderr=subprocess.PIPE)
    if done.returncode:
        said = process.last_lines(done.stderr.decode(errors="replace"), 1)
        raise AgentLost(said or f"ssh ended with code {done.returncode}")
