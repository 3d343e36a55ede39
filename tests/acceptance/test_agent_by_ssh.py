"""A server on another machine: the engine runs there and is called over ssh."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from tests.support.inventory import orphans
from tests.support.sshd import Machine, machine
from tests.support.waiting import wait_until

from tenantry.agent.client import RemoteEngine
from tenantry.agent.offer import SILENT_FOR_S
from tenantry.agent.transports import through_program
from tenantry.engine import Engine
from tenantry.errors import AgentLost, InstanceNotFound
from tenantry.model.catalog import State
from tenantry.model.instance import InstanceSpec
from tenantry.model.progress import StepEvent, StepStatus
from tenantry.postgres import locks

PROGRAM = str(Path(sys.executable).with_name("tenantry"))


@pytest.fixture(scope="module")
def there(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine with the installation; this machine has none."""
    environment = {name: value for name, value in engine.settings.to_environment().items() if value}
    with machine(tmp_path_factory.mktemp("ssh"), PROGRAM, environment) as found:
        yield found


@pytest.fixture
def remote(there: Machine, engine: Engine) -> RemoteEngine:
    return RemoteEngine(partial(through_program, there.command))


def spec(name: str) -> InstanceSpec:
    return InstanceSpec.checked(name=name, email="admin@acme.example", template="tiny")


def test_an_instance_is_created_managed_and_terminated_on_the_other_machine(
    remote: RemoteEngine, engine: Engine
):
    steps: list[StepEvent] = []
    creation = remote.instances.provision(spec("acme"), steps.append)
    assert creation.instance.state is State.ACTIVE
    assert engine.instances.prove_login(creation) > 0
    assert steps[0].step == "prepare"
    assert steps[-1].step == "activate"
    assert remote.instances.suspend("acme").state is State.SUSPENDED
    assert not remote.instances.is_serving("acme")
    assert remote.instances.reactivate("acme").state is State.ACTIVE
    assert remote.instances.rename("acme", "zenith").name == "zenith"
    assert remote.instances.is_serving("zenith")
    assert remote.instances.usage("zenith").users == 1
    remote.instances.terminate("zenith")
    with pytest.raises(InstanceNotFound):
        remote.instances.get("zenith")
    assert orphans(engine.context) == []


def test_no_secret_is_in_a_command_line(remote: RemoteEngine, engine: Engine):
    shown: list[str] = []

    def look(_event: StepEvent) -> None:
        shown.extend(" ".join(it.info["cmdline"] or []) for it in psutil.process_iter(["cmdline"]))

    creation = remote.instances.provision(spec("acme"), look)
    try:
        assert any("tenantry agent" in line or f"{PROGRAM} agent" in line for line in shown)
        assert not any(creation.password.reveal() in line for line in shown)
    finally:
        remote.instances.terminate("acme")


def agents() -> list[psutil.Process]:
    """The agents of the other machine, without the local ssh processes."""
    return [
        it for it in psutil.process_iter(["cmdline"]) if (it.info["cmdline"] or [])[-2:] == [PROGRAM, "agent"]
    ]


CREATE = """
import sys
from functools import partial
from tenantry.agent.client import RemoteEngine
from tenantry.agent.transports import through_program
from tenantry.model.instance import InstanceSpec
spec = InstanceSpec.checked(name="acme", email="admin@acme.example", template="tiny")
RemoteEngine(partial(through_program, sys.argv[1:])).instances.provision(spec)
"""


def waits_for_template(engine: Engine) -> bool:
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with engine.context.maintenance() as connection:
        return connection.execute(query).fetchone() != (0,)


def test_killing_the_caller_ends_the_creation_there_and_a_second_run_completes_it(
    there: Machine, remote: RemoteEngine, engine: Engine
):
    with engine.context.maintenance() as connection, locks.exclusive(connection, "template tiny"):
        with subprocess.Popen([sys.executable, "-c", CREATE, *there.command]) as caller:
            wait_until(lambda: waits_for_template(engine), "it does not begin")
            assert agents()
            caller.kill()
        wait_until(lambda: not agents(), "it goes on for nobody")
    assert remote.instances.provision(spec("acme")).instance.state is State.ACTIVE
    remote.instances.terminate("acme")
    assert orphans(engine.context) == []


def test_killing_the_agent_is_an_error_and_a_second_run_completes_the_creation(
    remote: RemoteEngine, engine: Engine
):
    def kill(event: StepEvent) -> None:
        if event.step == "customize" and event.status is StepStatus.DONE:
            for agent in agents():
                agent.kill()

    with pytest.raises(AgentLost) as raised:
        remote.instances.provision(spec("acme"), kill)
    assert raised.value.retryable
    assert remote.instances.provision(spec("acme")).instance.state is State.ACTIVE
    remote.instances.terminate("acme")
    assert orphans(engine.context) == []


def test_cutting_the_network_ends_both_sides_and_a_second_run_completes_the_creation(
    there: Machine, remote: RemoteEngine, engine: Engine
):
    def cut(event: StepEvent) -> None:
        if event.step == "sanitize" and event.status is not StepStatus.STARTED:
            there.wire.is_cut.set()

    def create() -> None:
        with remote.instances.provisioning(spec("acme"), cut) as session:
            session.clone()
            session.sanitize()
            session.customize()

    try:
        with pytest.raises(AgentLost):
            create()
        wait_until(lambda: not agents(), f"nobody is heard, and it waits for more than {SILENT_FOR_S} s")
    finally:
        there.wire.is_cut.clear()
    assert remote.instances.provision(spec("acme")).instance.state is State.ACTIVE
    remote.instances.terminate("acme")
    assert orphans(engine.context) == []


def test_a_machine_with_another_host_key_is_refused(there: Machine, engine: Engine):
    known = there.folder / "known"
    told = known.read_text()
    host, kind, _key = told.split()[:3]
    known.write_text(f"{host} {kind} {(there.folder / 'key.pub').read_text().split()[1]}\n")
    try:
        with pytest.raises(AgentLost):
            RemoteEngine(partial(through_program, there.command)).instances.all()
    finally:
        known.write_text(told)
