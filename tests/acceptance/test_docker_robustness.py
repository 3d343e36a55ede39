"""Containers whatever happens to their engine, to the worker and to the disk; and many of them at once."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.boxes import (
    activity,
    container_of,
    containers,
    is_running,
    jobs_are_far,
    networks,
    run_in,
    spawner_of,
    volumes,
)
from tests.support.docker_engine import DockerEngine
from tests.support.inventory import orphans
from tests.support.killed import run_and_kill
from tests.support.odoo_client import OdooClient
from tests.support.tenants import ask, create, status
from tests.support.waiting import wait_until

from tenantry.engine import Engine
from tenantry.errors import ProbeFailed
from tenantry.model.instance import Creation
from tenantry.operations.instance import lifecycle, provision

pytestmark = pytest.mark.timeout(1200)  # the first run on a machine makes the image, while other tests run

_AT_ONCE = 10
_SLEEPERS = ("dawn", "noon", "dusk")
_WAKES_OF_EACH = 20
_PROMISED_S = 60
_DUE_SOON = """
    UPDATE ir_cron SET active = true, lastcall = NULL, nextcall = now() AT TIME ZONE 'UTC' + interval '12 s'
     WHERE id = (SELECT min(id) FROM ir_cron)
"""
_SEND = "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(bytes(1000), ('10.0.0.1', 9))"


@pytest.fixture(scope="module")
def acme(boxes: Engine) -> Creation:
    return create(boxes)


@pytest.fixture
def sleepy(boxes: Engine, acme: Creation) -> Iterator[str]:
    """An instance whose plan lets it sleep."""
    boxes.instances.set_limits("acme", {"idle_s": 3600})
    jobs_are_far(boxes, "acme")
    boxes.instances.restart("acme")
    yield "acme"
    boxes.instances.set_limits("acme", {})
    boxes.instances.restart("acme")


def make_a_job_due(engine: Engine, name: str) -> None:
    """Put it to sleep shortly before one of its jobs is due."""
    assert status(engine, name) == 200
    with engine.context.cluster.connect(name) as inside:
        inside.execute(_DUE_SOON)
    engine.runtime.end(name)
    assert not activity(engine, name).is_awake


def last_run(engine: Engine, name: str) -> datetime | None:
    return ask(engine, name, "SELECT lastcall FROM ir_cron ORDER BY id LIMIT 1")[0][0]


# ---------------------------------------------------------------- what it leaves


def test_a_terminated_instance_leaves_nothing(boxes: Engine, docker: DockerEngine):
    before = (sorted(networks(docker)), volumes(docker))
    create(boxes, "short")
    oid = container_of(docker, "short")["Config"]["Labels"]["tenantry.oid"]
    sockets = boxes.settings.run_dir / "containers" / oid
    assert sockets.is_dir()
    boxes.instances.terminate("short")
    assert containers(docker, "short-") == []
    assert (sorted(networks(docker)), volumes(docker)) == before
    assert not sockets.exists()
    assert not [file for file in boxes.settings.home.rglob("*") if file.name.startswith("short")]
    assert orphans(boxes.context) == []


# ---------------------------------------------------------------- the worker is killed


def test_a_creation_is_finished_after_the_worker_was_killed_at_each_step(boxes: Engine, docker: DockerEngine):
    for step in provision.STEPS[:-1]:
        run_and_kill(boxes.settings, "provision", step.name, "often", "tiny")
    boxes.instances.prove_login(create(boxes, "often"))
    assert len(containers(docker, "often-")) == 1
    assert orphans(boxes.context) == []


def test_a_termination_is_finished_after_the_worker_was_killed_at_each_step(
    boxes: Engine, docker: DockerEngine
):
    create(boxes, "ended")
    for step in lifecycle.TERMINATE[:-1]:
        run_and_kill(boxes.settings, "terminate", step.name, "ended")
    boxes.instances.terminate("ended")
    assert containers(docker, "ended-") == []
    assert orphans(boxes.context) == []


# ---------------------------------------------------------------- the engine ends


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda it: it.name)
def test_instances_answer_again_when_the_engine_does(
    boxes: Engine, docker: DockerEngine, acme: Creation, number: signal.Signals
):
    assert status(boxes, "acme") == 200
    spawner, before = spawner_of(boxes), sorted(networks(docker))
    docker.end(number)
    if number == signal.SIGTERM:  # it has ended its containers
        wait_until(lambda: "does not answer" in activity(boxes, "acme").obstacle, "it does not say why")
    docker.boot()
    wait_until(
        lambda: is_running(docker, "acme") and not activity(boxes, "acme").obstacle, "it has no container"
    )
    wait_until(lambda: status(boxes, "acme") == 200, "it does not answer")
    assert spawner_of(boxes) == spawner
    assert len(containers(docker, "acme-")) == 1
    assert sorted(networks(docker)) == before
    assert not any(check.fault for check in boxes.runtime.checks())


def test_a_job_that_is_due_while_the_engine_is_away_runs_when_it_is_back(
    boxes: Engine, docker: DockerEngine, sleepy: str
):
    log = boxes.runtime.log_file
    begin = log.stat().st_size
    make_a_job_due(boxes, sleepy)
    docker.end()
    wait_until(lambda: "does not answer" in activity(boxes, sleepy).obstacle, "it is not woken")
    docker.boot()
    wait_until(lambda: last_run(boxes, sleepy), "it never ran")
    said = log.read_text()[begin:]
    assert said.count("the Docker engine does not answer") == 1
    assert "cannot be woken" not in said
    assert "new image" not in said


# ---------------------------------------------------------------- no room


@contextmanager
def no_room_in(folder: Path) -> Iterator[None]:
    """For a block, a full file system is there; what is in the folder comes back."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=1", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_container_that_cannot_start_says_why_and_starts_as_soon_as_it_can(
    boxes: Engine, docker: DockerEngine, acme: Creation
):
    """As on a full disk: there is no room for the container's files."""
    folder = docker.folder / "data" / "docker" / "containers"
    assert status(boxes, "acme") == 200
    with no_room_in(folder):
        with pytest.raises(ProbeFailed, match=r"cannot be started: .*no space left"):
            create(Engine(boxes.settings.replaced(probe_timeout_s=5)), "late")
        assert status(boxes, "acme") == 200
    create(boxes, "late")
    assert status(boxes, "late") == 200
    boxes.instances.terminate("late")


# ---------------------------------------------------------------- many


def test_many_creations_at_once_get_a_container_each(boxes: Engine, docker: DockerEngine):
    names = [f"many{number}" for number in range(_AT_ONCE)]
    patient = Engine(boxes.settings.replaced(probe_timeout_s=120))  # ten starts of Odoo share the processors
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda name: create(patient, name), names))
    assert [status(boxes, name) for name in names] == [200] * _AT_ONCE
    assert [len(containers(docker, f"{name}-")) for name in names] == [1] * _AT_ONCE
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(boxes.instances.terminate, names))


@dataclass(frozen=True)
class Clock:
    """An instance with a job each minute, which is due first at that time."""

    name: str
    due: datetime

    def ticks(self, engine: Engine) -> list[datetime]:
        rows = ask(engine, self.name, "SELECT create_date FROM ir_logging WHERE message = 'tick' ORDER BY id")
        return [row[0].replace(tzinfo=UTC) for row in rows]

    def starts(self, engine: Engine) -> int:
        return engine.runtime.log_file.read_text().count(f"the container of {self.name} is ready")


@pytest.fixture(scope="module")
def clock(boxes: Engine) -> Clock:
    """It has two processor cores, sleeps at once, and is put to sleep before the first time."""
    creation = create(boxes, "clock", limits={"cpus": 2, "memory_mb": 1024, "idle_s": 1})
    jobs_are_far(boxes, "clock")
    admin = OdooClient(boxes, creation)
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=15)
    job = {
        "name": "clock",
        "model_id": admin.call("ir.model", "search", [["model", "=", "res.partner"]])[0],
        "state": "code",
        "code": "log('tick')",
        "interval_number": 1,
        "interval_type": "minutes",
        "nextcall": f"{due:%Y-%m-%d %H:%M:%S}",
    }
    admin.call("ir.cron", "create", [job])
    boxes.runtime.end("clock")
    return Clock("clock", due)


def test_no_request_fails_when_containers_are_woken_repeatedly(
    boxes: Engine, docker: DockerEngine, clock: Clock
):
    """As many as fit into the time of a test run; `make bench` wakes 500. Meanwhile the clock ticks."""

    def wake(name: str) -> list[int]:
        create(boxes, name, limits={"idle_s": 3600})
        jobs_are_far(boxes, name)
        answers = []
        for _ in range(_WAKES_OF_EACH):
            boxes.runtime.end(name)
            answers.append(status(boxes, name))
        return answers

    with ThreadPoolExecutor(len(_SLEEPERS)) as pool:
        assert list(pool.map(wake, _SLEEPERS)) == [[200] * _WAKES_OF_EACH] * len(_SLEEPERS)


def test_a_job_of_a_sleeping_container_is_not_more_than_a_minute_late(
    boxes: Engine, docker: DockerEngine, clock: Clock
):
    wait_until(lambda: len(clock.ticks(boxes)) >= 2, "it does not tick")
    wait_until(lambda: not is_running(docker, clock.name), "it does not sleep after its job")
    first, second, *_more = clock.ticks(boxes)
    for tick, due in ((first, clock.due), (second, clock.due + timedelta(minutes=1))):
        assert 0 <= (tick - due).total_seconds() <= _PROMISED_S
    assert clock.starts(boxes) >= 3, "it was not asleep between"


# ---------------------------------------------------------------- what it uses


def test_its_process_its_network_and_its_log_are_shown(boxes: Engine, docker: DockerEngine, acme: Creation):
    assert status(boxes, "acme") == 200
    used = activity(boxes, "acme")
    assert used.is_awake
    assert used.cpu_s > 0
    assert used.memory_bytes > 2**20
    assert used.sent_bytes is not None
    run_in(docker, "acme", _SEND)
    assert activity(boxes, "acme").sent_bytes > used.sent_bytes
    usage = boxes.instances.usage("acme")
    assert 0 < usage.files_bytes < usage.storage_bytes
