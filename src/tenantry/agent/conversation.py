"""Conversations with an agent: one question at a time, and a few that rest until the next call."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from tenantry.agent.offer import REST_S
from tenantry.agent.ways import Connect
from tenantry.agent.wire import from_line, to_line
from tenantry.errors import AgentLost
from tenantry.model.progress import OnStep, ignore

_MOST_KEPT = 4


class Conversations:
    """With one agent. Safe to share between threads."""

    def __init__(self, connect: Connect, *, keeps: bool) -> None:
        """keeps: one that is over waits for the next call, which then costs no new process there."""
        self._connect = connect
        self.kept = Kept(_MOST_KEPT if keeps else 0)

    @contextlib.contextmanager
    def one(self) -> Iterator[Conversation]:
        """Raises AgentLost."""
        conversation = self.kept.take() or Conversation.begun(self._connect)
        try:
            yield conversation
        finally:
            if conversation.unheard or not self.kept.put(conversation):
                conversation.way.close()


@dataclass
class Kept:
    """Conversations at rest, the last one first; none is shared with a process that was forked meanwhile."""

    most: int
    _idle: list[Conversation] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> Conversation | None:
        """One that nobody has, and whose agent lives."""
        while True:
            with self._lock:
                found = self._idle.pop() if self._idle else None
            if found is None or found.is_alive:
                return found
            found.way.close()

    def put(self, conversation: Conversation) -> bool:
        """Whether there is room for it."""
        with self._lock:
            has_room = len(self._idle) < self.most
            if has_room:
                conversation.rests_since = time.monotonic()
                self._idle.append(conversation)
        return has_room


@dataclass
class Conversation:
    """way: closes it. process: whose it is.

    unheard: questions whose answer was not waited for, since who heard of a step raised an error.
    """

    answers: IO[bytes]
    questions: IO[bytes]
    way: contextlib.ExitStack
    process: int = field(default_factory=os.getpid)
    rests_since: float = 0.0
    unheard: int = 0

    @classmethod
    def begun(cls, connect: Connect) -> Conversation:
        """Raises AgentLost."""
        way = contextlib.ExitStack()
        return cls(*way.enter_context(connect()), way)

    @property
    def is_alive(self) -> bool:
        """At rest the agent says nothing: what can be read then is its end, after too long a rest."""
        is_usable = self.process == os.getpid() and time.monotonic() - self.rests_since < REST_S / 2
        return is_usable and not select.select([self.answers], [], [], 0)[0]

    def ask(self, name: str, arguments: Mapping[str, Any] | None = None, on_step: OnStep = ignore) -> Any:
        """Ask, pass steps on, return the answer. Raises the engine's errors, AgentLost."""
        line = to_line({"call": name, "arguments": arguments or {}})
        self.unheard += 1  # whatever happens from here on, its answer may be on the way
        try:
            self.questions.write(line)
            self.questions.flush()
        except OSError as error:
            raise AgentLost("it does not listen any more") from error
        while self.unheard:
            message = self._hear()
            if "step" in message:
                if self.unheard == 1:
                    on_step(message["step"])
                continue
            self.unheard -= 1
        if "error" in message:
            raise message["error"]
        return message["result"]

    def _hear(self) -> dict[str, Any]:
        try:
            line = self.answers.readline()
        except OSError as error:
            raise AgentLost("the way to it broke") from error
        if not line.endswith(b"\n"):
            raise AgentLost("it ended in the middle")
        return from_line(line)
