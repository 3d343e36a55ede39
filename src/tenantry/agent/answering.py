"""The agent's side: one caller, one operation at a time, and an end when the caller has ended."""

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

from tenantry.agent.offer import GIVE_UP, LEAVE, METHODS, PARTS, PROVISION, REST_S, SILENT_FOR_S, TELLS_STEPS
from tenantry.agent.wire import from_line, to_line
from tenantry.engine import Engine
from tenantry.errors import AgentFailed, AgentLost, InvalidInput, NotOffered, TenantryError
from tenantry.model.instance import InstanceSpec
from tenantry.model.progress import StepEvent

_logger = logging.getLogger(__name__)

_MOST_BYTES, _MOST_UNREAD = 2**20, 4
LEFT_ALONE = 75
"""The exit code of who was left alone in the middle: what was being done is run again, as after a crash."""


def answer(engine: Engine, questions: Iterable[bytes], answers: IO[bytes]) -> None:
    """Do what one caller asks for, line by line, until they have no more to ask.

    The caller's end in the middle of an operation is this process's, as if it had been killed.
    """
    caller = _Caller(questions, answers)
    for question in caller.questions(REST_S):
        name, arguments = question["call"], dict(question.get("arguments", {}))
        with caller.kept_waiting(), _errors_told(caller, name):
            if isinstance(arguments.get("spec"), InstanceSpec):
                # A caller may have made it without its checks, or with other reserved names.
                arguments["spec"] = engine.instances.spec(**vars(arguments["spec"]))
            if name == PROVISION:
                _provision(engine, caller, arguments)
            else:
                if name in TELLS_STEPS:
                    arguments["on_step"] = caller.on_step
                caller.tell(result=_offered(engine, name, METHODS)(**arguments))


def answer_on_standard_streams() -> None:
    """The same for the caller at this process's standard input, who says all the time that they live.

    The way to them may be cut without anybody being told. What is printed by accident is no answer.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    answer(Engine(), _lines_of_a_live_caller(sys.stdin.fileno()), answers)


def lines(stream: IO[bytes]) -> Iterator[bytes]:
    """What a caller asks, who is on this machine: the kernel tells when they have ended."""
    while line := stream.readline(_MOST_BYTES):
        if line.strip():
            yield line


def _lines_of_a_live_caller(descriptor: int) -> Iterator[bytes]:
    """The same until they end, or say nothing for too long."""
    heard = b""
    while select.select([descriptor], [], [], SILENT_FOR_S)[0] and len(heard) < _MOST_BYTES:
        more = os.read(descriptor, _MOST_BYTES)
        if not more:
            return
        *whole, heard = (heard + more).split(b"\n")
        yield from (line for line in whole if line)


def _provision(engine: Engine, caller: _Caller, arguments: dict[str, Any]) -> None:
    """A creation in the caller's hands: each further question is one of its parts."""
    with (
        contextlib.suppress(_GivenUp),
        engine.instances.provisioning(**arguments, on_step=caller.on_step) as session,
    ):
        caller.tell(result=None)
        for question in caller.questions():
            name = question["call"]
            if name == LEAVE:
                break
            if name == GIVE_UP:
                raise _GivenUp
            with _errors_told(caller, name):
                caller.tell(result=_offered(session, name, PARTS)())
    caller.tell(result=None)


def _offered(subject: object, name: str, names: frozenset[str]) -> Any:
    if name not in names:
        raise NotOffered(name)
    return operator.attrgetter(name)(subject)


@contextlib.contextmanager
def _errors_told(caller: _Caller, name: str) -> Iterator[None]:
    try:
        yield
    except TenantryError as error:
        caller.tell(error=error)
    except Exception as error:
        _logger.exception("%s failed", name)
        caller.tell(error=AgentFailed(type(error).__name__))


class _GivenUp(Exception):
    """The caller gives a creation up: it is undone."""


class _Caller:
    """Who asks. They are listened to while they wait, for nobody is to be worked for who has ended."""

    def __init__(self, questions: Iterable[bytes], answers: IO[bytes]) -> None:
        self._answers, self._is_waiting = answers, False
        self._asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=[questions], daemon=True).start()

    def _listen(self, questions: Iterable[bytes]) -> None:
        with contextlib.suppress(OSError):
            for line in questions:
                self._asked.put(line)
                if self._asked.qsize() > _MOST_UNREAD:  # it would fill our memory
                    os._exit(LEFT_ALONE)
        if self._is_waiting:
            os._exit(LEFT_ALONE)
        self._asked.put(b"")

    def questions(self, within_s: float | None = None) -> Iterator[dict[str, Any]]:
        """Until the caller has no more. Raises AgentLost for what is no question.

        within_s: who asks nothing for so long ends this process.
        """
        while line := self._next(within_s):
            try:
                question = from_line(line)
            except InvalidInput as error:  # a value of ours that cannot be
                self.tell(error=error)
                continue
            if not isinstance(question.get("call"), str):
                raise AgentLost("a line asks nothing")
            yield question

    def _next(self, within_s: float | None) -> bytes:
        try:
            return self._asked.get(timeout=within_s)
        except queue.Empty:
            os._exit(0)  # the listening thread holds the stream, which nobody else could close

    @contextlib.contextmanager
    def kept_waiting(self) -> Iterator[None]:
        self._is_waiting = True
        yield
        self._is_waiting = False

    def on_step(self, event: StepEvent) -> None:
        self.tell(step=event)

    def tell(self, **message: Any) -> None:
        """Raises BrokenPipeError."""
        self._answers.write(to_line(message))
        self._answers.flush()
