"""The engine's agent: it has the engine's methods, and ends when its client ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from tests.support.inventory import orphans
from tests.support.waiting import eventually, wait_until

from tenantry import process
from tenantry.agent import handler
from tenantry.agent.client import RemoteEngine, engine_at
from tenantry.agent.handler import lines
from tenantry.agent.transports import through_program, through_socket
from tenantry.agent.wire import from_line, to_line
from tenantry.engine import Engine
from tenantry.errors import (
    AgentLost,
    Busy,
    InstanceNotFound,
    InvalidName,
    InvalidValue,
    NotPrepared,
    TemplateNotFound,
)
from tenantry.model.catalog import State
from tenantry.model.entitlements import Entitlements
from tenantry.model.instance import InstanceSpec
from tenantry.model.progress import StepEvent
from tenantry.model.secret import Secret
from tenantry.operations.context import Context
from tenantry.operations.inventory import find_instance
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases, locks

AGENT = (str(Path(sys.executable).with_name("tenantry")), "agent")


@pytest.fixture
def environment(cluster_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """That of a command of this installation."""
    for name, value in cluster_engine.settings.to_environment().items():
        monkeypatch.setenv(name, value)
    return


@pytest.fixture
def template(cluster_engine: Engine, fake_template: str) -> Iterator[str]:
    """The fake one; nothing that was made of it is left."""
    yield fake_template
    context = cluster_engine.context
    with context.maintenance() as connection:
        for database in databases.listing(connection):
            discard(context, connection, database.name)


@pytest.fixture
def remote(cluster_engine: Engine, environment: None) -> RemoteEngine:
    return RemoteEngine(partial(through_program, AGENT))


def spec(name: str, **wishes: str) -> InstanceSpec:
    return InstanceSpec.checked(name=name, email="a@acme.example", template="fake", **wishes)


def test_it_answers_what_the_engine_answers(
    remote: RemoteEngine, cluster_engine: Engine, template: str
) -> None:
    assert remote.pool.status() == tuple(cluster_engine.pool.status())
    assert remote.instances.taken(["fake", "nobody"]) == cluster_engine.instances.taken(["fake", "nobody"])
    assert cluster_engine.unseal(remote.seal(Secret("hunter2"))) == Secret("hunter2")


def test_it_tells_each_step_as_it_happens(
    remote: RemoteEngine, cluster_engine: Engine, template: str
) -> None:
    seen: list[StepEvent] = []
    remote.pool.fill(template, 1, on_step=seen.append)
    told: list[StepEvent] = []
    cluster_engine.pool.fill(template, 2, told.append)
    assert [event.status for event in seen] == [event.status for event in told]
    assert len(seen) == len(told) > 0
    assert cluster_engine.pool.status()[0].usable == 2


def test_an_error_comes_as_the_engine_raises_it(remote: RemoteEngine) -> None:
    with pytest.raises(InstanceNotFound) as raised:
        remote.instances.suspend("nobody")
    assert raised.value.name == "nobody"
    with pytest.raises(TemplateNotFound):
        remote.pool.fill("nothing", 1)
    with pytest.raises(InvalidName):
        remote.instances.rename("acme", "A")


def test_an_idle_connection_is_used_again_until_its_agent_ends(environment: None, template: str) -> None:
    before = set(agents())
    remote = RemoteEngine(partial(through_program, AGENT), keeps=True)
    with pytest.raises(InstanceNotFound):
        remote.instances.suspend("nobody")
    (first,) = set(agents()) - before
    assert remote.pool.status()
    assert set(agents()) - before == {first}
    first.kill()
    first.wait(10)
    assert remote.pool.status()
    (second,) = set(agents()) - before
    with pytest.raises(RuntimeError), remote.instances.provisioning(spec("acme")):
        raise RuntimeError
    assert set(agents()) - before == {second}, "what was given up is over"
    second.kill()
    second.wait(10)
    assert remote._conversations.idle.take() is None


@pytest.mark.parametrize("keeps", [True, False])
def test_an_agent_that_ends_during_a_creation_raises_agent_lost(tmp_path: Path, keeps: bool) -> None:
    file = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(file))
        listener.listen()
        threading.Thread(target=begin_and_end, args=[listener], daemon=True).start()
        remote = RemoteEngine(partial(through_socket, file), keeps=keeps)
        with pytest.raises(AgentLost), remote.instances.provisioning(spec("acme")) as session:
            session.clone()
        with pytest.raises(AgentLost):
            remote.pool.status()


def begin_and_end(listener: socket.socket) -> None:
    """An agent that is killed once a creation has begun; the next one at once."""
    with listener.accept()[0] as caller:
        while b"provisioning" not in caller.recv(2**16):
            pass
        caller.sendall(to_line({"result": None}))
    listener.accept()[0].close()


def test_an_idle_client_occupies_no_slot(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "IDLE_TIMEOUT_S", 0.1)
    theirs, ours = socket.socketpair()
    with theirs, ours:
        child = multiprocessing.get_context("fork").Process(target=answer_at, args=[ours], daemon=True)
        child.start()
        child.join(20)
        assert child.exitcode == 0


def answer_at(connection: socket.socket) -> None:
    with connection.makefile("rb") as questions, connection.makefile("wb") as answers:
        handler.answer(Engine(), lines(questions), answers)


def agents() -> list[psutil.Process]:
    """That are children of ours."""
    return [
        it
        for it in psutil.Process().children(recursive=True)
        if it.is_running() and it.status() != psutil.STATUS_ZOMBIE and it.cmdline()[-2:] == list(AGENT)
    ]


def test_methods_that_are_not_offered_are_refused(environment: None) -> None:
    for name in (
        *("stop", "start_postgres", "__class__", "_keys", "context", "settings.installation"),
        *("instances", "instances.__init__", "instances._context", "instances._parts.stop", "pool.__class__"),
        *("instances.usages", "templates.drop", "templates.recipes", "archives.all", "archives.signer"),
        *("instances.suspend.__func__", "instances.all.", ".facts", "suspend", "clone", "publish"),
    ):
        with through_program(AGENT) as (answers, questions):
            questions.write(to_line({"call": name}))
            questions.flush()
            assert b"NotOffered" in answers.readline(), name


@pytest.mark.parametrize("name", ["../../etc", "A", "postgres", "www", "intranet"])
def test_unchecked_arguments_are_checked_by_the_agent(
    remote: RemoteEngine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TENANTRY_RESERVED_NAMES", "intranet")
    with pytest.raises(InvalidName):
        remote.instances.provision(InstanceSpec(name=name, email="a@acme.example", template="fake"))


def test_an_invalid_value_is_refused_as_invalid(environment: None) -> None:
    line = to_line(
        {"call": "instances.entitle", "arguments": {"name": "acme", "entitlements": Entitlements(users=5)}}
    )
    with through_program(AGENT) as (answers, questions):
        questions.write(line.replace(b'"users": 5', b'"users": -5'))
        questions.flush()
        assert isinstance(from_line(answers.readline())["error"], InvalidValue)


def test_a_client_that_does_not_wait_for_answers_is_disconnected(environment: None) -> None:
    with through_program(AGENT) as (answers, questions):
        with contextlib.suppress(BrokenPipeError):
            for _time in range(100):
                questions.write(to_line({"call": "pool.status"}))
            questions.flush()
        assert len(answers.readlines()) < 100


def test_arguments_the_engine_does_not_have_are_an_error_here(remote: RemoteEngine) -> None:
    with pytest.raises(TypeError):
        remote.instances.suspend("acme", because="of that")


def test_a_creation_runs_in_parts_and_is_kept_when_the_client_leaves(
    remote: RemoteEngine, cluster_engine: Engine, template: str
) -> None:
    with remote.instances.provisioning(spec("acme")) as session:
        session.clone()
    with cluster_engine.context.maintenance() as connection:
        assert find_instance(connection, "acme").state is State.PROVISIONING
        with locks.exclusive(connection, "instance acme"), pytest.raises(Busy):
            remote.instances.provisioning(spec("acme")).__enter__()
    cluster_engine.instances.terminate("acme")


@pytest.mark.parametrize("part", ["a part fails", "the caller raises", "who hears of a step raises"])
def test_a_creation_that_fails_is_undone(
    remote: RemoteEngine, cluster_engine: Engine, fake_template: str, part: str
) -> None:
    def on_step(event: StepEvent) -> None:
        if part == "who hears of a step raises" and event.step == "database":
            raise ZeroDivisionError

    def create() -> None:
        with remote.instances.provisioning(spec("acme"), on_step) as session:
            session.clone()
            if part == "the caller raises":
                raise ZeroDivisionError
            session.publish()

    with pytest.raises(NotPrepared if part == "a part fails" else ZeroDivisionError):
        create()
    assert orphans(cluster_engine.context) == []


# ---------------------------------------------------------------- the end of either


def test_an_operation_ends_when_its_client_is_killed(
    context: Context, cluster_engine: Engine, environment: None, template: str
) -> None:
    code = (
        "import sys; from functools import partial\n"
        "from tenantry.agent.client import RemoteEngine\n"
        "from tenantry.agent.transports import through_program\n"
        f"RemoteEngine(partial(through_program, {AGENT!r})).pool.fill('fake', 1)\n"
    )
    with context.maintenance() as connection, locks.exclusive(connection, "template fake"):
        with subprocess.Popen([sys.executable, "-c", code]) as caller:
            wait_until(lambda: is_waiting_for_a_lock(context), "the agent waits for the template")
            (agent,) = psutil.Process(caller.pid).children()
            caller.kill()
        # Sooner than it would give up waiting for the template.
        assert eventually(lambda: not process.is_running(agent.pid, marker="tenantry"), within_s=15)
    assert cluster_engine.pool.fill("fake", 1) == 1


def is_waiting_for_a_lock(context: Context) -> bool:
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with context.maintenance() as connection:
        return connection.execute(query).fetchone() != (0,)


def test_a_killed_agent_is_a_retryable_error(remote: RemoteEngine, template: str) -> None:
    def kill_it(event: StepEvent) -> None:
        for child in psutil.Process().children():
            if "tenantry agent" in " ".join(child.cmdline()):
                child.kill()

    with pytest.raises(AgentLost) as raised:
        remote.pool.fill("fake", 3, on_step=kill_it)
    assert raised.value.retryable
    remote.pool.fill("fake", 3)
    assert remote.pool.status()[0].usable == 3


@pytest.mark.parametrize("program", [["false"], ["echo", "Welcome to the machine!"], ["printf", "{\\n"]])
def test_a_program_that_is_not_an_agent_is_an_error(program: list[str]) -> None:
    with pytest.raises(AgentLost):
        RemoteEngine(partial(through_program, program)).instances.all()


def test_a_socket_without_a_listener_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AgentLost, match="nobody answers"):
        RemoteEngine(partial(through_socket, tmp_path / "agent.sock")).instances.all()


def test_without_a_socket_the_engine_is_here(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TENANTRY_AGENT", raising=False)
    assert isinstance(engine_at(), Engine)
    monkeypatch.setenv("TENANTRY_AGENT", f"/nowhere/{os.getpid()}")
    assert isinstance(engine_at(), RemoteEngine)
