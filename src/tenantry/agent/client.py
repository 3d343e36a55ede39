"""The caller's side: an engine that is somewhere else, asked like the engine itself."""

from __future__ import annotations

import contextlib
import inspect
import os
import shlex
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from tenantry.agent.offer import BEAT_S, GIVE_UP, LEAVE, METHODS, PARTS, PROVISION, SILENT_FOR_S, TELLS_STEPS
from tenantry.agent.wire import from_line, to_line
from tenantry.engine import Engine
from tenantry.errors import AgentLost, TenantryError
from tenantry.model.instance import InstanceSpec
from tenantry.model.progress import OnStep, ignore
from tenantry.settings import Settings
from tenantry.spawner.control import socket_address

Line = tuple[IO[bytes], IO[bytes]]
"""What the agent's answers are read from, and what it is asked through."""
Connect = Callable[[], contextlib.AbstractContextManager[Line]]

SOCKET_VARIABLE = "TENANTRY_AGENT"


def engine_from_environment() -> Engine | RemoteEngine:
    """The installation's engine: behind the agent's socket where TENANTRY_AGENT names one, else here."""
    file = os.environ.get(SOCKET_VARIABLE)
    return RemoteEngine(partial(through_socket, Path(file))) if file else Engine()


@contextlib.contextmanager
def through_socket(file: Path) -> Iterator[Line]:
    """The agent of this machine. Raises AgentLost."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            with socket_address(file) as address:
                client.connect(address)
        except OSError as error:
            raise AgentLost(f"nobody answers at {file}") from error
        with client.makefile("rb") as answers, client.makefile("wb") as questions:
            yield answers, questions


@contextlib.contextmanager
def through_program(arguments: Sequence[str]) -> Iterator[Line]:
    """The agent a program leads to; it ends with the conversation. See `ssh_command`."""
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin
        assert program.stdout
        is_over = threading.Event()
        threading.Thread(target=_beat, args=[program.stdin, is_over], daemon=True).start()
        try:
            yield program.stdout, program.stdin
        finally:
            is_over.set()
            with contextlib.suppress(BrokenPipeError):
                program.stdin.close()


def _beat(questions: IO[bytes], is_over: threading.Event) -> None:
    """Say that we live."""
    with contextlib.suppress(OSError, ValueError):  # it is closed
        while not is_over.wait(BEAT_S):
            questions.write(b"\n")
            questions.flush()


def ssh_command(destination: str, *options: str, program: str = "tenantry") -> list[str]:
    """The command of the agent on another machine, for `through_program`.

    destination: `user@host` or a name of ssh's own configuration. options: more of ssh's. program: the
    `tenantry` of the other side. Nobody is there to type a password or to confirm a host's key.
    """
    told = [f"ServerAliveInterval={BEAT_S}", f"ServerAliveCountMax={SILENT_FOR_S // BEAT_S}"]
    told += ["BatchMode=yes", "ConnectTimeout=10", "ClearAllForwardings=yes"]
    quiet = [word for option in told for word in ("-o", option)]
    return ["ssh", "-T", *quiet, *options, "--", destination, f"{shlex.quote(program)} agent"]


class RemoteEngine:
    """Has the engine's methods that the agent offers; each call is a conversation of its own.

    Raises what the engine raises, and AgentLost when the agent, or the way to it, ended.
    """

    def __init__(self, connect: Connect, settings: Settings | None = None) -> None:
        """settings: what may be known here of the other side's."""
        self._connect = connect
        self.settings = settings or Settings.from_environment()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in METHODS:
            raise AttributeError(name)
        return partial(self._call, name)

    def spec(self, **wishes: Any) -> InstanceSpec:
        """See `Engine.spec`; nobody needs to be asked for it."""
        return InstanceSpec.checked(self.settings.reserved_names, **wishes)

    @contextlib.contextmanager
    def provisioning(self, spec: InstanceSpec, on_step: OnStep = ignore) -> Iterator[RemoteSession]:
        """See `operations.provision.provisioning`."""
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
        with self._connect() as (answers, questions):
            yield _Conversation(answers, questions)


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
class _Conversation:
    """unheard: questions whose answer was not waited for, since who heard of a step raised an error."""

    answers: IO[bytes]
    questions: IO[bytes]
    unheard: int = 0

    def ask(self, name: str, arguments: Mapping[str, Any] | None = None, on_step: OnStep = ignore) -> Any:
        """Ask, pass steps on, return the answer. Raises the engine's errors, AgentLost."""
        try:
            self.questions.write(to_line({"call": name, "arguments": arguments or {}}))
            self.questions.flush()
        except OSError as error:
            raise AgentLost("it does not listen any more") from error
        self.unheard += 1
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
