"""Conversations with an agent: one question at a time. A few idle ones are kept for the next calls."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from tenantry.agent.offer import IDLE_TIMEOUT_S
from tenantry.agent.transports import Connect
from tenantry.agent.wire import from_line, to_line
from tenantry.errors import AgentLost
from tenantry.model.progress import OnStep, ignore

_MAX_IDLE = 4


class Conversations:
    """The conversations with one agent. Safe to share between threads."""

    def __init__(self, connect: Connect, *, keeps: bool) -> None:
        """keeps: keep a finished one for the next call, which then needs no new process of the agent."""
        self._connect = connect
        self.idle = IdleConversations(_MAX_IDLE if keeps else 0)

    @contextlib.contextmanager
    def borrow(self) -> Iterator[Conversation]:
        """A conversation for one call. Raises AgentLost."""
        conversation = self.idle.take() or Conversation.begin(self._connect)
        try:
            yield conversation
        finally:
            if conversation.unanswered or not self.idle.put(conversation):
                conversation.transport.close()


@dataclass
class IdleConversations:
    """Idle conversations, last in, first out. A process that is forked meanwhile does not share them."""

    maximum: int
    _idle: list[Conversation] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> Conversation | None:
        """Take out one whose agent still runs, if there is one."""
        while True:
            with self._lock:
                found = self._idle.pop() if self._idle else None
            if found is None or found.is_alive:
                return found
            found.transport.close()

    def put(self, conversation: Conversation) -> bool:
        """Keep it if there is room; return whether there was."""
        with self._lock:
            has_room = len(self._idle) < self.maximum
            if has_room:
                conversation.idle_since = time.monotonic()
                self._idle.append(conversation)
        return has_room


@dataclass
class Conversation:
    """transport: closing it ends the conversation. process: the id of the process that began it.

    unanswered: how many questions still have no answer. More than one: an earlier call ended before its
    answer came, because its `on_step` raised an error.
    """

    answers: IO[bytes]
    questions: IO[bytes]
    transport: contextlib.ExitStack
    process: int = field(default_factory=os.getpid)
    idle_since: float = 0.0
    unanswered: int = 0

    @classmethod
    def begin(cls, connect: Connect) -> Conversation:
        """Raises AgentLost."""
        transport = contextlib.ExitStack()
        return cls(*transport.enter_context(connect()), transport)

    @property
    def is_alive(self) -> bool:
        """Whether an idle conversation can be used. An idle agent sends nothing: input then means its end."""
        is_usable = self.process == os.getpid() and time.monotonic() - self.idle_since < IDLE_TIMEOUT_S / 2
        return is_usable and not select.select([self.answers], [], [], 0)[0]

    def ask(self, name: str, arguments: Mapping[str, Any] | None = None, on_step: OnStep = ignore) -> Any:
        """Ask, report the steps to `on_step`, return the answer. Raises the engine's errors, AgentLost."""
        line = to_line({"call": name, "arguments": arguments or {}})
        self.unanswered += 1  # from here on its answer may come, even if writing fails
        try:
            self.questions.write(line)
            self.questions.flush()
        except OSError as error:
            raise AgentLost("it does not listen any more") from error
        while self.unanswered:
            message = self._receive()
            if "step" in message:
                if self.unanswered == 1:
                    on_step(message["step"])
                continue
            self.unanswered -= 1
        if "error" in message:
            raise message["error"]
        return message["result"]

    def _receive(self) -> dict[str, Any]:
        try:
            line = self.answers.readline()
        except OSError as error:
            raise AgentLost("the connection to it broke") from error
        if not line.endswith(b"\n"):
            raise AgentLost("it ended in the middle")
        return from_line(line)
