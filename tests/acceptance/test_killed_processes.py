"""Each process is killed while it works: all operations converge and no other tenant is disturbed."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from tests.support.inventory import orphans
from tests.support.processes import command_of, keeper, name_of, programs, zygotes
from tests.support.tenants import create, status, swept

from tenantry.engine import Engine
from tenantry.errors import TenantryError

_CREATIONS, _AT_ONCE = 12, 4
_ATTEMPTS = 60
_KILLS = 15
_PAUSES_S = (0.5, 2.0)
_CONVERGES_WITHIN_S = 60
_VISIT_TIMEOUT_S = 60
_FORK_IS_ORDERED_WITHIN_S = 0.5
_SEED = 20261129


@dataclass
class Visitor:
    """Requests one tenant's login page without a pause, in its own thread, and collects the answers."""

    engine: Engine
    name: str
    answers: list[int | str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """To be called before PostgreSQL is killed."""
        self.route = self.engine.context.route(self.name)

    def run(self) -> None:
        while not self.is_over.wait(0.05):
            self.answers.append(self.visit())

    def visit(self) -> int | str:
        try:
            return self.route.get("/web/login", timeout_s=_VISIT_TIMEOUT_S)
        except OSError as error:
            return type(error).__name__
        except Exception as error:
            return repr(error)


@pytest.fixture
def busy(engine: Engine) -> Iterator[Engine]:
    with swept(engine):
        create(engine, "load")
        create(engine, "other")
        yield engine


# ---------------------------------------------------------------- processes to kill


def kill(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def kill_the_spawner(engine: Engine) -> None:
    kill([p.pid for p in keeper(engine).children() if "-m tenantry.spawner " in command_of(p)])


def kill_the_zygotes(engine: Engine) -> None:
    kill([zygote.pid for zygote in zygotes(engine)])


def kill_a_tenant(engine: Engine) -> None:
    kill(
        [
            activity.pid
            for activity in engine.instances.activities()
            if activity.name == "load" and activity.is_awake
        ]
    )


def kill_the_front(engine: Engine) -> None:
    kill([program.pid for program in programs(engine) if name_of(program) == "caddy"])


def kill_postgres(engine: Engine) -> None:
    """Kill the postmaster and start it again at once, as a restart of the stack would."""
    assert engine._embedded
    postmaster = int((engine._embedded.data / "postmaster.pid").read_text().split()[0])
    family = [psutil.Process(postmaster), *psutil.Process(postmaster).children()]
    kill([program.pid for program in family])
    psutil.wait_procs(family, timeout=10)
    engine.start_postgres()


KILLS: dict[str, Callable[[Engine], None]] = {
    "the spawner": kill_the_spawner,
    "the zygotes": kill_the_zygotes,
    "a tenant": kill_a_tenant,
    "the front": kill_the_front,
    "PostgreSQL": kill_postgres,
}
_UNNOTICED = ("the spawner", "the zygotes", "a tenant")
"""Visitors of `other` are served while these are killed; all tenants share the front and PostgreSQL."""


# ---------------------------------------------------------------- one at a time


@pytest.mark.parametrize("victim", _UNNOTICED)
def test_killing_a_tenants_process_disturbs_no_visitor_of_another_tenant(busy: Engine, victim: str):
    visitor = Visitor(busy, "other")
    assert status(busy, "load") == status(busy, "other") == 200
    thread = threading.Thread(target=visitor.run)
    thread.start()
    for _ in range(3):
        time.sleep(0.5)
        attempt(KILLS[victim], busy)
    assert converges(lambda: status(busy, "load") == 200)
    visitor.is_over.set()
    thread.join()
    assert len(visitor.answers) > 10
    assert set(visitor.answers) == {200}


@pytest.mark.parametrize("victim", KILLS)
def test_everything_works_again_after_a_kill(busy: Engine, victim: str):
    assert status(busy, "load") == status(busy, "other") == 200
    attempt(KILLS[victim], busy)
    for name in ("load", "other"):
        assert converges(lambda name=name: status(busy, name) == 200)
    create(busy, "later")
    assert status(busy, "later") == 200
    busy.instances.suspend("other")
    assert status(busy, "other") == 503
    busy.instances.reactivate("other")


@pytest.mark.parametrize("victim", ["the spawner", "the zygotes"])
def test_awake_tenants_stay_awake(busy: Engine, victim: str):
    assert status(busy, "other") == 200
    before = pid_of(busy, "other")
    KILLS[victim](busy)
    assert converges(lambda: pid_of(busy, "other") == before)
    assert status(busy, "other") == 200


def test_a_spawner_killed_during_a_fork_leaves_no_unknown_process(busy: Engine):
    """An unknown process would answer visitors at the tenant's socket for ever, beside the known one."""
    assert status(busy, "other") == 200
    busy.runtime.end("load")
    frozen = zygotes(busy)
    assert frozen
    for zygote in frozen:
        zygote.suspend()
    visitor = Visitor(busy, "load")
    visiting = threading.Thread(target=lambda: visitor.answers.append(visitor.visit()))
    visiting.start()
    time.sleep(_FORK_IS_ORDERED_WITHIN_S)
    kill_the_spawner(busy)
    for zygote in frozen:
        zygote.resume()
    visiting.join()
    assert visitor.answers == [200]
    assert converges(lambda: processes_of(busy, "load") == [pid_of(busy, "load")])


def processes_of(engine: Engine, name: str) -> list[int]:
    """All processes that write to that tenant's log, known to the spawner or not."""
    log = engine.settings.log_dir / "tenants" / f"{name}.log"
    return [pid for pid in psutil.pids() if writes_to(pid) == str(log)]


def writes_to(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/fd/1").readlink())
    except OSError:
        return ""


def test_stopping_an_installation_whose_spawner_was_killed_leaves_no_process(busy: Engine):
    assert status(busy, "load") == 200
    family = keeper(busy).children(recursive=True)
    kill_the_spawner(busy)
    assert converges(busy.runtime.is_answering)
    family += keeper(busy).children(recursive=True)
    busy.runtime.stop()
    try:
        assert converges(lambda: not [p for p in family if is_alive(p)])
    finally:
        busy.start_tenants()


def is_alive(program: psutil.Process) -> bool:
    try:
        return program.is_running() and program.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def pid_of(engine: Engine, name: str) -> int:
    try:
        return next(activity.pid for activity in engine.instances.activities() if activity.name == name)
    except TenantryError:
        return 0


def converges(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _CONVERGES_WITHIN_S
    while time.monotonic() < deadline:
        try:
            if is_so():
                return True
        except (TenantryError, OSError):
            pass
        time.sleep(0.2)
    return False


# ---------------------------------------------------------------- all at random


def test_creations_converge_when_processes_are_killed_at_random(busy: Engine):
    """Each failed creation says that it is retryable, and is tried again."""
    names = [f"new-{number}" for number in range(_CREATIONS)]
    visitor, is_over = Visitor(busy, "other"), threading.Event()
    visiting = threading.Thread(target=visitor.run)
    killing = threading.Thread(target=kill_at_random, args=[busy, is_over])
    visiting.start()
    killing.start()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        refusals = list(pool.map(lambda name: create_in_the_end(busy, name), names))
    is_over.set()
    killing.join()
    visitor.is_over.set()
    visiting.join()
    busy.start_postgres()
    assert refusals == [[]] * _CREATIONS
    for name in (*names, "load", "other"):
        assert converges(lambda name=name: status(busy, name) == 200)
    assert orphans(busy.context) == []
    assert 200 in visitor.answers


def kill_at_random(engine: Engine, is_over: threading.Event) -> None:
    choice = random.Random(_SEED)
    victims = itertools.chain(KILLS.values(), iter(lambda: choice.choice(list(KILLS.values())), None))
    for victim in itertools.islice(victims, _KILLS):
        if is_over.wait(choice.uniform(*_PAUSES_S)):
            return
        attempt(victim, engine)


def attempt(deed: Callable[[Engine], None], engine: Engine) -> None:
    """Kill it, unless it is not running at this moment."""
    try:
        deed(engine)
    except (TenantryError, OSError, psutil.Error, ValueError, IndexError):
        return


def create_in_the_end(engine: Engine, name: str) -> list[str]:
    """Errors that were not retryable; [] is the expected result."""
    for _ in range(_ATTEMPTS):
        try:
            engine.instances.provision(
                engine.instances.spec(
                    name=name, email="a@acme.example", template="tiny", reference=f"order-{name}"
                )
            )
        except TenantryError as error:
            if not error.retryable:
                return [f"{name}: {type(error).__name__}: {error}"]
            time.sleep(1)
        except OSError as error:
            return [f"{name}: {error!r}"]
        else:
            return []
    return [f"{name}: never"]
