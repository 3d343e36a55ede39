"""The caller's side: an engine that is somewhere else, asked like the engine itself."""

from __future__ import annotations

import contextlib
import inspect
import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from tenantry.agent.offer import GIVE_UP, LEAVE, METHODS, PARTS, PROVISION, REST_S, TELLS_STEPS
from tenantry.agent.ssh import ssh_command
from tenantry.agent.ways import Connect, through_program, through_socket
from tenantry.agent.wire import from_line, to_line
from tenantry.engine import Engine
from tenantry.errors import AgentLost, TenantryError
from tenantry.model.instance import InstanceSpec
from tenantry.model.names import LOCAL_SERVER
from tenantry.model.progress import OnStep, ignore
from tenantry.model.server import ServerAddress, ServerFacts
from tenantry.settings import ServerSettings

SOCKET_VARIABLE = "TENANTRY_AGENT"
_MOST_KEPT = 4


def engine_at(address: str = "") -> Engine | RemoteEngine:
    """The engine of a server: behind the agent's socket where TENANTRY_AGENT names one, else here or by ssh.

    address: see `ServerAddress`; "" is the installation's own. Raises InvalidValue, ServerNotFound.
    """
    there, file = ServerAddress.of(address), os.environ.get(SOCKET_VARIABLE)
    own = ServerSettings.from_environment(name=LOCAL_SERVER)
    if file:
        connect, facts = (
            partial(through_socket, Path(file), address),
            None if address else Engine(own).facts(),
        )
        return RemoteEngine(connect, facts, keeps=not there.destination)
    if there.destination:
        return RemoteEngine(partial(through_program, ssh_command(there, own.installation.ssh_config)))
    return Engine(own).at(there.name)


class RemoteEngine:
    """Has the engine's methods that the agent offers. Safe to share between threads.

    Raises what the engine raises, and AgentLost when the agent, or the way to it, ended.
    """

    def __init__(self, connect: Connect, facts: ServerFacts | None = None, *, keeps: bool = False) -> None:
        """facts: what the other side would say, where that is known.

        keeps: a conversation that is over waits for the next call, which then costs no new process there.
        """
        self._connect = connect
        self._facts = facts
        self._kept = _Kept(_MOST_KEPT if keeps else 0)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in METHODS:
            raise AttributeError(name)
        return partial(self._call, name)

    def spec(self, **wishes: Any) -> InstanceSpec:
        """See `Engine.spec`; the other side checks it by its own reserved names."""
        reserved = self._facts.reserved_names if self._facts else frozenset[str]()
        return InstanceSpec.checked(reserved, **wishes)

    def facts(self) -> ServerFacts:
        """See `Engine.facts`."""
        return self._facts or self._call("facts")

    @contextlib.contextmanager
    def provisioning(self, spec: InstanceSpec, on_step: OnStep = ignore) -> Iterator[RemoteSession]:
        """See `operations.instance.provision.provisioning`."""
        with self._conversation() as conversation:
            conversation.ask(PROVISION, {"spec": spec}, on_step)
            try:
                yield RemoteSession(conversation, on_step)
            except BaseException:
                with contextlib.suppress(TenantryError):  # what the caller raised counts
                    conversation.ask(GIVE_UP)
                raise
            conversation.ask(LEAVE)

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(getattr(Engine, name)).bind(self, *args, **kwargs).arguments
        arguments = {key: value for key, value in bound.items() if key != "self"}
        on_step = arguments.pop("on_step", ignore) if name in TELLS_STEPS else ignore
        with self._conversation() as conversation:
            return conversation.ask(name, arguments, on_step)

    @contextlib.contextmanager
    def _conversation(self) -> Iterator[_Conversation]:
        conversation = self._kept.take() or _Conversation.begun(self._connect)
        try:
            yield conversation
        finally:
            if conversation.unheard or not self._kept.put(conversation):
                conversation.way.close()


@dataclass(frozen=True)
class RemoteSession:
    """A creation in the caller's hands; see `operations.provision.Session`."""

    conversation: _Conversation
    on_step: OnStep

    def __getattr__(self, name: str) -> Callable[[], Any]:
        if name not in PARTS:
            raise AttributeError(name)
        return partial(self.conversation.ask, name, {}, self.on_step)


@dataclass
class _Kept:
    """Conversations at rest, the last one first; none is shared with a process that was forked meanwhile."""

    most: int
    _idle: list[_Conversation] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> _Conversation | None:
        """One that nobody has, and whose agent lives."""
        while True:
            with self._lock:
                found = self._idle.pop() if self._idle else None
            if found is None or found.is_alive:
                return found
            found.way.close()

    def put(self, conversation: _Conversation) -> bool:
        """Whether there is room for it."""
        with self._lock:
            has_room = len(self._idle) < self.most
            if has_room:
                conversation.rests_since = time.monotonic()
                self._idle.append(conversation)
        return has_room


@dataclass
class _Conversation:
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
    def begun(cls, connect: Connect) -> _Conversation:
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
