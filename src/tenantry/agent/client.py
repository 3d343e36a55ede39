"""The caller's side: an engine in another process or on another machine, with the engine's own methods."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tenantry.agent.conversation import Conversation, Conversations
from tenantry.agent.offer import GIVE_UP, LEAVE, METHODS, PARTS, PROVISION, REPORTS_STEPS, function
from tenantry.agent.ssh import ssh_command
from tenantry.agent.transports import Connect, through_program, through_socket
from tenantry.engine import Engine
from tenantry.errors import TenantryError
from tenantry.model.instance import InstanceSpec
from tenantry.model.names import LOCAL_SERVER
from tenantry.model.progress import OnStep, ignore
from tenantry.model.server import ServerAddress, ServerFacts
from tenantry.settings import ServerSettings

SOCKET_VARIABLE = "TENANTRY_AGENT"


def engine_at(address: str = "") -> Engine | RemoteEngine:
    """The engine of a server: through the agent's socket if TENANTRY_AGENT names one, else here or by ssh.

    address: see `ServerAddress`; "" is the installation's own server. Raises InvalidValue, ServerNotFound.
    """
    server, file = ServerAddress.of(address), os.environ.get(SOCKET_VARIABLE)
    own = ServerSettings.from_environment(name=LOCAL_SERVER)
    if file:
        connect, facts = (
            partial(through_socket, Path(file), address),
            None if address else Engine.of(own).facts(),
        )
        return RemoteEngine(connect, facts, keeps=not server.destination)
    if server.destination:
        return RemoteEngine(partial(through_program, ssh_command(server, own.installation.ssh_config)))
    return Engine.of(own).at(server.name)


class RemoteNoun:
    """One of the engine's nouns, with the methods that the agent offers; see `offer.NOUNS`.

    Raises the engine's errors, and AgentLost when the agent or the connection to it ended.
    """

    _noun = ""

    def __init__(self, noun: str, conversations: Conversations) -> None:
        self._noun, self._conversations = noun, conversations

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = f"{self._noun}.{name}" if self._noun else name
        if method not in METHODS:
            raise AttributeError(name)
        return partial(self._call, method)

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(function(name)).bind(self, *args, **kwargs).arguments
        arguments = {key: value for key, value in bound.items() if key != "self"}
        on_step = arguments.pop("on_step", ignore) if name in REPORTS_STEPS else ignore
        with self._conversations.borrow() as conversation:
            return conversation.ask(name, arguments, on_step)


class RemoteInstances(RemoteNoun):
    """The instances of that engine, and their creation."""

    def __init__(self, conversations: Conversations, facts: ServerFacts | None) -> None:
        super().__init__("instances", conversations)
        self._facts = facts

    def spec(self, **wishes: Any) -> InstanceSpec:
        """See `Instances.spec`; the agent checks it again, with its own reserved names."""
        reserved = self._facts.reserved_names if self._facts else frozenset[str]()
        return InstanceSpec.checked(reserved, **wishes)

    @contextlib.contextmanager
    def provisioning(self, spec: InstanceSpec, on_step: OnStep = ignore) -> Iterator[RemoteSession]:
        """See `operations.instance.provision.provisioning`."""
        with self._conversations.borrow() as conversation:
            conversation.ask(PROVISION, {"spec": spec}, on_step)
            try:
                yield RemoteSession(conversation, on_step)
            except BaseException:
                with contextlib.suppress(TenantryError):  # the caller's own error is the one to report
                    conversation.ask(GIVE_UP)
                raise
            conversation.ask(LEAVE)


class RemoteEngine(RemoteNoun):
    """An engine in another process, with its nouns. Safe to share between threads."""

    def __init__(self, connect: Connect, facts: ServerFacts | None = None, *, keeps: bool = False) -> None:
        """facts: the engine's facts, if they are known here. keeps: see `Conversations`."""
        super().__init__("", Conversations(connect, keeps=keeps))
        self._facts = facts
        self.templates = RemoteNoun("templates", self._conversations)
        self.pool = RemoteNoun("pool", self._conversations)
        self.mail = RemoteNoun("mail", self._conversations)
        self.moves = RemoteNoun("moves", self._conversations)
        self.backups = RemoteNoun("backups", self._conversations)
        self.instances = RemoteInstances(self._conversations, facts)

    def facts(self) -> ServerFacts:
        """See `Engine.facts`."""
        return self._facts or self._call("facts")


@dataclass(frozen=True)
class RemoteSession:
    """A creation whose parts the caller runs; see `operations.instance.provision.Session`."""

    conversation: Conversation
    on_step: OnStep

    def __getattr__(self, name: str) -> Callable[[], Any]:
        if name not in PARTS:
            raise AttributeError(name)
        return partial(self.conversation.ask, name, {}, self.on_step)
