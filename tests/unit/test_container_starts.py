"""A container that is to be ended and started at once: only the newest start counts, in whichever order."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tenantry.model.catalog import Kind, Label, State
from tenantry.spawner import containers
from tenantry.spawner.catalog import Entry
from tenantry.spawner.config import Config, Containers
from tenantry.spawner.containers import Containers as Starts
from tenantry.spawner.loop import Loop
from tenantry.spawner.tenants import Tenant

_TEXTS = ("base_domain", "catalog_user", "catalog_password", "public_key", "home", "hosts")


class RecordingEngine:
    """calls: what it was told to do."""

    def __init__(self, _containers: Containers) -> None:
        self.calls: list[str] = []

    def lock(self, _name: str) -> threading.Lock:
        return threading.Lock()

    def end(self, _oid: int) -> None:
        self.calls.append("end")

    def was_out_of_memory(self, _oid: int) -> bool:
        return False

    def drop_former(self, _wanted: object) -> bool:
        return True


class Postponed:
    """In the place of `Background`: does its work when the test says so."""

    def __init__(self, _loop: Loop, _at_once: int, _name: str) -> None:
        self.work: list[Callable[[], None]] = []

    def submit(self, work: Callable[[], None], _failed: object) -> None:
        self.work.append(work)

    def report(self, action: Callable[[], None]) -> None:
        action()

    def close(self) -> None:
        """It has no threads."""


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    home = Path(tempfile.mkdtemp())  # a socket's path must be short
    monkeypatch.setattr(containers, "ContainerEngine", RecordingEngine)
    monkeypatch.setattr(containers, "Background", Postponed)
    folders = {name: str(home / name) for name in ("filestores", "logs", "run")}
    made = Containers("", "image", "mark", ("python3",), {}, "10.0.0.0/8")
    config = Config(
        **dict.fromkeys(_TEXTS, ""), **folders, address={}, options={}, instances_key="", containers=made
    )
    found = Starts(Loop(), config, SimpleNamespace(tenants={}))  # type: ignore[arg-type]
    yield found
    found._sockets.close(4711)
    found.end_all()
    shutil.rmtree(home)


@pytest.fixture
def tenant() -> Tenant:
    return Tenant(Entry(4711, "acme", Label(Kind.INSTANCE, State.ACTIVE)), "acme.localhost")


def with_limits(tenant: Tenant, **limits: float) -> Tenant:
    return Tenant(Entry(4711, "acme", Label(Kind.INSTANCE, State.ACTIVE, limits=limits)), tenant.host)


def test_a_container_whose_tenant_is_not_served_any_more_is_ended(starts: Any, tenant: Tenant):
    starts.find_or_start(tenant)
    starts.cancel(tenant)
    _start, end = starts._background.work
    end()
    assert starts._engine.calls == ["end"]


def test_the_end_of_a_former_start_does_not_end_the_next(starts: Any, tenant: Tenant):
    starts.find_or_start(tenant)
    starts.cancel(tenant)
    starts.find_or_start(tenant)
    _former, end, _next = starts._background.work
    end()
    assert starts._engine.calls == []


def test_what_a_former_container_left_is_removed_and_the_sockets_of_the_next_stay(
    starts: Any, tenant: Tenant
):
    starts.clean_up(tenant)
    bigger = with_limits(tenant, memory_mb=4096)
    starts.find_or_start(bigger)
    clean_up, _start = starts._background.work
    clean_up()
    folder = Path(starts._config.run) / "containers" / "4711"
    (mine,) = folder.iterdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(str(mine / "channel"))
