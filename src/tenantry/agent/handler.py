"""The agent's side: handle one caller's questions, one at a time, and end when the caller has ended."""

from __future__ import annotations

import contextlib
import logging
import operator
import os
import queue
import select
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import IO, Any

from tenantry.agent.offer import (
    GIVE_UP,
    IDLE_TIMEOUT_S,
    LEAVE,
    METHODS,
    PARTS,
    PROVISION,
    REPORTS_STEPS,
    SILENT_FOR_S,
)
from tenantry.agent.wire import from_line, to_line
from tenantry.engine import Engine
from tenantry.errors import AgentFailed, AgentLost, InvalidInput, NotOffered, TenantryError
from tenantry.model.instance import InstanceSpec
from tenantry.model.progress import StepEvent

_logger = logging.getLogger(__name__)

_MAX_BYTES, _MAX_UNREAD = 2**20, 4
CALLER_LOST = 75
"""The exit code when the caller ended in the middle of an operation, which is run again as after a crash."""


def answer(engine: Engine, questions: Iterable[bytes], answers: IO[bytes]) -> None:
    """Answer one caller's questions, line by line, until the caller closes the connection.

    When the caller ends in the middle of an operation, this process ends too, as if it had been killed.
    """
    caller = _Caller(questions, answers)
    for question in caller.questions(IDLE_TIMEOUT_S):
        name, arguments = question["call"], dict(question.get("arguments", {}))
        with caller.waiting(), _reporting_errors(caller, name):
            if isinstance(arguments.get("spec"), InstanceSpec):
                # The caller may have made it without the checks, or with other reserved names.
                arguments["spec"] = engine.instances.spec(**vars(arguments["spec"]))
            if name == PROVISION:
                _provision(engine, caller, arguments)
            else:
                if name in REPORTS_STEPS:
                    arguments["on_step"] = caller.on_step
                caller.send(result=_method(engine, name, METHODS)(**arguments))


def answer_on_standard_streams() -> None:
    """Answer the caller at this process's standard input, who sends heartbeats.

    A broken connection may not be reported to us, so a caller without heartbeats counts as ended. Standard
    output is redirected to standard error, so that text printed by accident is not read as an answer.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    answer(Engine.of(), _lines_with_heartbeats(sys.stdin.fileno()), answers)


def lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The questions of a caller on this machine; the kernel reports when the caller has ended."""
    while line := stream.readline(_MAX_BYTES):
        if line.strip():
            yield line


def _lines_with_heartbeats(descriptor: int) -> Iterator[bytes]:
    """The questions of a caller who sends heartbeats, until it ends or is silent for too long."""
    received = b""
    while select.select([descriptor], [], [], SILENT_FOR_S)[0] and len(received) < _MAX_BYTES:
        more = os.read(descriptor, _MAX_BYTES)
        if not more:
            return
        *whole, received = (received + more).split(b"\n")
        yield from (line for line in whole if line)


def _provision(engine: Engine, caller: _Caller, arguments: dict[str, Any]) -> None:
    """Keep a creation open: each further question runs one of its parts."""
    with (
        contextlib.suppress(_GivenUp),
        engine.instances.provisioning(**arguments, on_step=caller.on_step) as session,
    ):
        caller.send(result=None)
        for question in caller.questions():
            name = question["call"]
            if name == LEAVE:
                break
            if name == GIVE_UP:
                raise _GivenUp
            with _reporting_errors(caller, name):
                caller.send(result=_method(session, name, PARTS)())
    caller.send(result=None)


def _method(subject: object, name: str, names: frozenset[str]) -> Any:
    if name not in names:
        raise NotOffered(name)
    return operator.attrgetter(name)(subject)


@contextlib.contextmanager
def _reporting_errors(caller: _Caller, name: str) -> Iterator[None]:
    try:
        yield
    except TenantryError as error:
        caller.send(error=error)
    except Exception as error:
        _logger.exception("%s failed", name)
        caller.send(error=AgentFailed(type(error).__name__))


class _GivenUp(Exception):
    """The caller gives a creation up, so it is undone."""


class _Caller:
    """One caller. A thread reads their questions, and so notices their end in the middle of an operation."""

    def __init__(self, questions: Iterable[bytes], answers: IO[bytes]) -> None:
        self._answers, self._is_waiting = answers, False
        self._asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=[questions], daemon=True).start()

    def _listen(self, questions: Iterable[bytes]) -> None:
        with contextlib.suppress(OSError):
            for line in questions:
                self._asked.put(line)
                if self._asked.qsize() > _MAX_UNREAD:  # more would fill our memory
                    os._exit(CALLER_LOST)
        if self._is_waiting:
            os._exit(CALLER_LOST)
        self._asked.put(b"")

    def questions(self, within_s: float | None = None) -> Iterator[dict[str, Any]]:
        """The questions, until the caller has no more. Raises AgentLost for a line that is not a question.

        within_s: this process ends when no question comes for so long.
        """
        while line := self._next(within_s):
            try:
                question = from_line(line)
            except InvalidInput as error:  # one of our classes, with a value that it refuses
                self.send(error=error)
                continue
            if not isinstance(question.get("call"), str):
                raise AgentLost("a line asks nothing")
            yield question

    def _next(self, within_s: float | None) -> bytes:
        try:
            return self._asked.get(timeout=within_s)
        except queue.Empty:
            os._exit(0)  # the reading thread holds the stream, which no other thread can close

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        self._is_waiting = True
        yield
        self._is_waiting = False

    def on_step(self, event: StepEvent) -> None:
        self.send(step=event)

    def send(self, **message: Any) -> None:
        """Raises BrokenPipeError."""
        self._answers.write(to_line(message))
        self._answers.flush()
