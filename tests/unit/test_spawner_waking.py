"""A tenant whose process cannot be started at once is woken later, also for its scheduled jobs."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.waiting import wait_until

from tenantry.agreed import ForkOrder, TenantOrder
from tenantry.model.catalog import Kind, Label, State
from tenantry.spawner.catalog import Entry
from tenantry.spawner.config import Config
from tenantry.spawner.jobs import Jobs
from tenantry.spawner.launchers import StartsLater
from tenantry.spawner.loop import Loop
from tenantry.spawner.processes import Processes
from tenantry.spawner.tenants import Tenant

_TEXTS = ("base_domain", "catalog_user", "catalog_password", "public_key", "home", "hosts")


@dataclass
class RecordingLauncher:
    """orders: what it was told to start."""

    is_ready: bool = False
    channel: socket.socket | None = None
    waiting: dict[str, bool] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)

    def wait(self, tenant: str, *, for_jobs: bool) -> None:
        self.waiting[tenant] = for_jobs

    def order(self, order: ForkOrder, _descriptors: tuple[int, ...]) -> None:
        self.orders.append(order.name)


@dataclass
class OneLauncher:
    """Finds always the same launcher. refusals: what it raises first. adapted: the orders of processes."""

    launcher: RecordingLauncher
    adapted: list[TenantOrder] = field(default_factory=list)
    refusals: list[OSError] = field(default_factory=list)

    def find_or_start(self, _tenant: Tenant) -> RecordingLauncher:
        if self.refusals:
            raise self.refusals.pop()
        return self.launcher

    def adapt(self, order: TenantOrder) -> TenantOrder:
        self.adapted.append(order)
        return order

    def forget(self, _launcher: RecordingLauncher) -> None:
        self.launcher.is_ready = False

    def cancel(self, _tenant: Tenant) -> None:
        """It started nothing for one tenant alone."""


class WithOneLauncher(Processes):
    def _find_launchers(self) -> OneLauncher:
        return OneLauncher(RecordingLauncher())

    @property
    def launchers(self) -> Any:
        return self._launchers


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def processes(tmp_path: Path, loop: Loop) -> WithOneLauncher:
    folders = {name: str(tmp_path / name) for name in ("filestores", "logs", "run")}
    config = Config(
        **dict.fromkeys(_TEXTS, ""), **folders, address={}, options={}, instances_key="aa" * 32, users=0
    )
    return WithOneLauncher(loop, config, lambda _tenant, _process: None, lambda: None)


@pytest.fixture
def tenant(tmp_path: Path, processes: WithOneLauncher) -> Iterator[Tenant]:
    (tmp_path / "filestores" / "acme").mkdir(parents=True)
    label = Label(Kind.INSTANCE, State.ACTIVE, limits={"idle_s": 3600})
    with socket.socket() as listener:
        listener.listen()
        found = Tenant(Entry(4711, "acme", label), "acme.localhost", listener)
        processes.tenants["acme"] = found
        yield found
        if found.fork:
            processes.end(found)


def runs(loop: Loop) -> bool:
    """Run what is due; for `wait_until`."""
    for action in loop.timers.due():
        action()
    return True


@pytest.mark.parametrize("refusal", [StartsLater(0.05), OSError("no room")], ids=["later", "failed"])
def test_a_job_that_could_not_be_begun_is_begun_without_a_visitor(
    loop: Loop, processes: WithOneLauncher, tenant: Tenant, refusal: OSError
):
    processes.launchers.refusals.append(refusal)
    processes.wake(tenant, for_jobs=True)
    launcher = processes.launchers.launcher
    assert launcher.waiting == {}
    wait_until(lambda: runs(loop) and launcher.waiting, "its job waits for a visitor")
    assert launcher.waiting == {"acme": True}


def test_a_job_whose_launcher_ended_is_begun_by_the_next(
    loop: Loop, processes: WithOneLauncher, tenant: Tenant
):
    launcher = processes.launchers.launcher
    launcher.is_ready = True
    processes.wake(tenant, for_jobs=True)
    assert launcher.orders == ["acme"]
    processes.launcher_ended(launcher)
    wait_until(lambda: runs(loop) and launcher.waiting, "its job waits for a visitor")
    assert launcher.waiting == {"acme": True}


# ---------------------------------------------------------------- whose job is due


class Answers:
    """In the place of `Dues`: the test answers. asked: whom it was asked for."""

    def __init__(self) -> None:
        self._readable, self._writable = os.pipe()
        self.asked: list[str] = []
        self._next: list[tuple[str, float | None]] = []

    def fileno(self) -> int:
        return self._readable

    def ask(self, database: str) -> None:
        self.asked.append(database)

    def answers(self) -> list[tuple[str, float | None]]:
        found, self._next = self._next, []
        return found

    def answer(self, jobs: Jobs, name: str, due_s: float | None) -> None:
        self._next.append((name, due_s))
        jobs._read_answers()

    def close(self) -> None:
        os.close(self._readable)
        os.close(self._writable)


@pytest.fixture
def dues() -> Iterator[Answers]:
    found = Answers()
    yield found
    found.close()


@pytest.fixture
def jobs(loop: Loop, processes: WithOneLauncher, dues: Answers) -> Jobs:
    return Jobs(loop, processes, dues)  # type: ignore[arg-type]


def test_a_job_of_each_minute_does_not_run_later_each_time_because_starts_take_time(
    loop: Loop,
    processes: WithOneLauncher,
    tenant: Tenant,
    jobs: Jobs,
    dues: Answers,
    monkeypatch: pytest.MonkeyPatch,
):
    dues.answer(jobs, "acme", 0)
    first, launcher = tenant.due_at, processes.launchers.launcher
    wait_until(lambda: runs(loop) and launcher.waiting, "it is not woken")
    now = time.monotonic
    with monkeypatch.context() as later:  # its container is ready after 9 s
        later.setattr(time, "monotonic", lambda: now() + 9)
        launcher.is_ready = True
        processes._wake_waiting(launcher)
        assert launcher.orders == ["acme"]
    processes.end(tenant)
    dues.answer(jobs, "acme", first + 60 - time.monotonic())
    assert tenant.due_at == pytest.approx(first + 60, abs=0.5)


def test_a_job_that_is_always_due_wakes_its_tenant_once_a_minute(
    loop: Loop, tenant: Tenant, jobs: Jobs, dues: Answers, processes: WithOneLauncher
):
    dues.answer(jobs, "acme", -1000)
    first = tenant.due_at
    wait_until(lambda: runs(loop) and processes.launchers.launcher.waiting, "it is not woken")
    dues.answer(jobs, "acme", -1000)
    assert tenant.due_at == first + 60


def test_a_query_that_failed_is_made_again_before_anything_is_late(
    loop: Loop, tenant: Tenant, jobs: Jobs, dues: Answers, monkeypatch: pytest.MonkeyPatch
):
    dues.answer(jobs, "acme", None)
    assert tenant.due_at is None
    now = time.monotonic
    with monkeypatch.context() as later:
        later.setattr(time, "monotonic", lambda: now() + 31)
        runs(loop)
    assert dues.asked == ["acme"]
    dues.answer(jobs, "acme", None)
    assert tenant.due_at > time.monotonic() + 200, "a tenant that breaks its tables is asked all the time"


def test_tenants_that_start_for_their_jobs_count_among_those_that_run_at_once(
    loop: Loop, processes: WithOneLauncher, tenant: Tenant, jobs: Jobs, dues: Answers, tmp_path: Path
):
    """A container has no process for a second: a thousand that are due together would all be started."""
    names = [f"many{number}" for number in range(100)]
    for name in names:
        (tmp_path / "filestores" / name).mkdir()
        entry = Entry(4711, name, tenant.entry.label)
        processes.tenants[name] = Tenant(entry, f"{name}.localhost", tenant.listener)
        dues.answer(jobs, name, 0)
    launcher = processes.launchers.launcher
    wait_until(lambda: runs(loop) and launcher.waiting, "nobody is woken")
    assert len(launcher.waiting) < len(names) / 2


def test_a_copy_gets_no_login_at_the_mail_relay(tmp_path: Path, processes: WithOneLauncher, tenant: Tenant):
    (tmp_path / "relay").touch()
    processes.config = replace(processes.config, relay_file=str(tmp_path / "relay"), mail_port=2525)
    processes.launchers.launcher.is_ready = True
    processes.wake(tenant)
    assert processes.launchers.adapted[-1].mail
    processes.end(tenant)
    tenant.entry = replace(tenant.entry, label=tenant.entry.label.having(copy_of="another"))
    processes.wake(tenant)
    assert processes.launchers.adapted[-1].mail is None
