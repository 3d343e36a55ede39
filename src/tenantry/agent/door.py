"""The agent of this machine: a socket that one user may use, and a process for each who comes.

The processes are forks of one that has the engine loaded already, so that asking costs milliseconds.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import struct
import time
from pathlib import Path

from tenantry.agent.answering import answer, lines
from tenantry.engine import Engine
from tenantry.spawner.control import socket_address

_logger = logging.getLogger(__name__)

_PEER = struct.Struct("3i")
_MOST_AT_ONCE = 64
"""Others wait in line: a caller cannot fill the machine with our processes."""
_POLL_S = 0.02


def serve(engine: Engine, file: Path, user: int) -> None:
    """Answer until SIGTERM. user: the id of who may ask, besides ourselves."""
    engine.load()
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
    """This process's children: a few at a time, and none is left a zombie."""

    def __init__(self) -> None:
        self._begun = self._ended = 0
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
        self._begun += 1
        return is_child


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
        with connection.makefile("rb") as questions, connection.makefile("wb") as answers:
            answer(engine, lines(questions), answers)
        code = 0
    except BrokenPipeError:
        code = 0
    except Exception:
        _logger.exception("a caller was left without an answer")
    finally:
        logging.shutdown()
        os._exit(code)
