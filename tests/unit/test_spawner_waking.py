"""A tenant whose process cannot be started at once is woken later, also for its scheduled jobs."""

from __future__ import annotations

import socket
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
