"""The ways to an agent: a socket of this machine, or a program that leads to another one."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from tenantry.agent.offer import BEAT_S
from tenantry.errors import AgentLost
from tenantry.spawner.control import socket_address

Line = tuple[IO[bytes], IO[bytes]]
"""What the agent's answers are read from, and what it is asked through."""
Connect = Callable[[], contextlib.AbstractContextManager[Line]]


@contextlib.contextmanager
def through_socket(file: Path, address: str = "") -> Iterator[Line]:
    """The agent of this machine, and through it that of the server at the address. Raises AgentLost."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            with socket_address(file) as place:
                client.connect(place)
            client.sendall(f"{address}\n".encode())
        except OSError as error:
            raise AgentLost(f"nobody answers at {file}") from error
        answers, questions = client.makefile("rb"), client.makefile("wb")
        try:
            with answers, _beating(questions) if address else contextlib.nullcontext():
                yield answers, questions
        finally:
            with contextlib.suppress(OSError):  # what could not be written is tried once more
                questions.close()


@contextlib.contextmanager
def through_program(arguments: Sequence[str]) -> Iterator[Line]:
    """The agent a program leads to; it ends with the conversation. See `ssh_command`."""
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin
        assert program.stdout
        try:
            with _beating(program.stdin):
                yield program.stdout, program.stdin
        finally:
            with contextlib.suppress(BrokenPipeError):
                program.stdin.close()


@contextlib.contextmanager
def _beating(questions: IO[bytes]) -> Iterator[None]:
    """Say that we live, all the time: who is far away does not hear that we ended."""
    is_over = threading.Event()
    threading.Thread(target=_beat, args=[questions, is_over], daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def _beat(questions: IO[bytes], is_over: threading.Event) -> None:
    with contextlib.suppress(OSError, ValueError):  # it is closed
        while not is_over.wait(BEAT_S):
            questions.write(b"\n")
            questions.flush()
