"""The transports to an agent: a socket of this machine, or a program such as ssh."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from tenantry.agent.offer import HEARTBEAT_S
from tenantry.errors import AgentLost
from tenantry.spawner.control import socket_address

Streams = tuple[IO[bytes], IO[bytes]]
"""The stream to read the agent's answers from, and the stream to write questions to."""
Connect = Callable[[], contextlib.AbstractContextManager[Streams]]


@contextlib.contextmanager
def through_socket(file: Path, address: str = "") -> Iterator[Streams]:
    """Connect to the agent of this machine, which connects to the server at the address. Raises AgentLost."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            with socket_address(file) as place:
                client.connect(place)
            client.sendall(f"{address}\n".encode())
        except OSError as error:
            raise AgentLost(f"nobody answers at {file}") from error
        answers, questions = client.makefile("rb"), client.makefile("wb")
        try:
            with answers, _heartbeat(questions) if address else contextlib.nullcontext():
                yield answers, questions
        finally:
            with contextlib.suppress(OSError):  # closing tries to write what is still in the buffer
                questions.close()


@contextlib.contextmanager
def through_program(arguments: Sequence[str]) -> Iterator[Streams]:
    """Connect to the agent that this program runs; it ends with the conversation. See `ssh_command`."""
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin
        assert program.stdout
        try:
            with _heartbeat(program.stdin):
                yield program.stdout, program.stdin
        finally:
            with contextlib.suppress(BrokenPipeError):
                program.stdin.close()


@contextlib.contextmanager
def _heartbeat(questions: IO[bytes]) -> Iterator[None]:
    """Send heartbeats: an agent on another machine may not notice that we ended."""
    is_over = threading.Event()
    threading.Thread(target=_send_heartbeats, args=[questions, is_over], daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def _send_heartbeats(questions: IO[bytes], is_over: threading.Event) -> None:
    with contextlib.suppress(OSError, ValueError):  # it is closed
        while not is_over.wait(HEARTBEAT_S):
            questions.write(b"\n")
            questions.flush()
