"""The tenants' containers: started when their tenants wake, by the Docker engine (`container_engine.py`).

A container takes the place of a zygote, for one tenant. The program in it connects to a socket that only this
container sees (`saas_process/container.py`). Through that channel it gets the order, which holds the secrets,
and the listening socket of its tenant. So no secret is in the container's settings, and the container listens
at no address that others can reach. When the process in it ends, the container stops; it is started again
for the next visitor, or made anew if its settings have changed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from docker.errors import DockerException

from tenantry import agreed
from tenantry.spawner.background import Background
from tenantry.spawner.config import Config
from tenantry.spawner.container_engine import CHANNEL_FOLDER, FILES_FOLDER, ContainerEngine, Wanted
from tenantry.spawner.container_sockets import MAIL, ContainerSockets
from tenantry.spawner.docker_client import is_away
from tenantry.spawner.identity import is_root, tenant_user
from tenantry.spawner.launchers import StartsLater
from tenantry.spawner.loop import Loop
from tenantry.spawner.renewals import Renewals
from tenantry.spawner.tenants import Process, Tenant

if TYPE_CHECKING:
    from tenantry.spawner.processes import Processes

_logger = logging.getLogger(__name__)

_AT_ONCE = 8
_CONNECTS_WITHIN_S = 60
_LOOK_S = 0.5
_NOTICED_WITHIN_S = 5
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_AWAY_PAUSE_S = 1.0
_SWEEP_AGAIN_S = 30
_RECEIVED, _SENT = 0, 8
"""Columns of `/proc/<pid>/net/dev`, after the name of the interface."""


@dataclass
class Container:
    """A container that is being started, until its process serves; see `launchers.Launcher`.

    is_successor: another container serves the tenant meanwhile, see `renewals`. is_blameless: the engine did
    not answer.
    """

    wanted: Wanted
    listener: socket.socket
    is_successor: bool = False
    channel: socket.socket | None = None
    is_ready: bool = False
    is_ended: bool = False
    is_blameless: bool = False
    waiting: dict[str, bool] = field(default_factory=dict)
    connected: threading.Event = field(default_factory=threading.Event)
    began: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        return self.wanted.name

    def order(self, order: agreed.ForkOrder, descriptors: tuple[int, ...]) -> None:
        """Order it to become the tenant's process. Raises OSError when it has ended."""
        if self.channel is None:
            raise OSError("the container has not connected")
        agreed.send(self.channel, asdict(order), descriptors)

    def wait(self, tenant: str, *, for_jobs: bool) -> None:
        self.waiting[tenant] = for_jobs and self.waiting.get(tenant, True)

    def became_ready(self, ready: agreed.Ready, handle: int) -> None:
        self.is_ready = True
        _logger.info("the container of %s is ready after %.2f s", self.name, time.monotonic() - self.began)
        os.close(handle)

    def end(self) -> None:
        """Close the channel: a program that has no order yet ends then."""
        self.is_ended = True
        self.listener.close()
        if self.channel is not None:
            self.channel.close()
        self.connected.set()


class Containers:
    """The containers of one spawner. See `Zygotes`, whose place it takes in `Processes`.

    processes: is told when a container has connected, or could not be started.
    """

    def __init__(self, loop: Loop, config: Config, processes: Processes) -> None:
        assert config.containers
        self._loop = loop
        self._config = config
        self._processes = processes
        self._renewals = Renewals(loop, processes, self._start_successor, self._give_up, self._judge_image)
        self._made = config.containers
        self._is_proved = self._has_gone_back = False
        self._engine = ContainerEngine(config.containers)
        self._sockets = ContainerSockets(loop, Path(config.run) / "containers", config.mail_port)
        self._starting: dict[str, Container] = {}
        self._newest: dict[str, Container] = {}
        self._failures: dict[str, int] = {}
        self._paused_until: dict[str, float] = {}
        self._away_until = 0.0
        self._background = Background(loop, _AT_ONCE, "docker")

    # ------------------------------------------------------------ starting

    def find_or_start(self, tenant: Tenant) -> Container:
        """The starting container of a tenant. Raises StartsLater; OSError when it cannot be started."""
        found = self._starting.get(tenant.name)
        if found is not None:
            return found
        pause_s = max(self._paused_until.get(tenant.name, 0), self._away_until) - time.monotonic()
        if pause_s > 0:
            raise StartsLater(pause_s)
        container = self._starting[tenant.name] = self._begin(tenant)
        return container

    def start_ahead(self) -> None:
        """There is nothing to start ahead of a tenant."""

    def _begin(self, tenant: Tenant, *, is_successor: bool = False) -> Container:
        wanted = self._wanted(tenant)
        listener = self._sockets.open(wanted.oid, wanted.digest, wanted.user)
        container = self._newest[tenant.name] = Container(wanted, listener, is_successor)
        self._loop.watch(listener, partial(self._accept, container))
        self._background.submit(partial(self._start, container), partial(self._failed, container))
        return container

    def _wanted(self, tenant: Tenant) -> Wanted:
        config, oid = self._config, tenant.entry.oid
        limits = config.limits.of(tenant.entry.label.limits)
        user = tenant_user(oid, config.users)
        return Wanted(
            name=tenant.name,
            oid=oid,
            user=os.geteuid() if user is None else user,
            files=str(Path(config.filestores) / tenant.entry.folder),
            memory_bytes=limits.memory_bytes,
            tasks=limits.tasks,
            cpus=min(tenant.entry.label.limits.get("cpus", 0), os.cpu_count() or 1),  # Docker refuses more
            image=self._made.image,
            command=self._made.command,
            folders=self._made.folders,
        )

    def _start(self, container: Container) -> None:
        """In a thread: start the container, and wait until it connects. Raises DockerException."""
        wanted = container.wanted
        with self._engine.lock(wanted.name):
            if container.is_ended:
                return
            sockets = self._sockets.folder_of(wanted.oid, wanted.digest)
            self._engine.start(wanted, sockets, is_successor=container.is_successor)
        deadline = time.monotonic() + _CONNECTS_WITHIN_S
        while not container.connected.wait(_LOOK_S):
            if reason := self._engine.why_stopped(wanted):
                raise DockerException(reason)
            if time.monotonic() > deadline:
                raise DockerException(f"its program did not connect within {_CONNECTS_WITHIN_S} s")

    def _accept(self, container: Container) -> None:
        try:
            channel, _address = container.listener.accept()
        except OSError:
            return
        channel.setblocking(True)
        container.channel = channel
        container.connected.set()
        self._loop.unwatch(container.listener)
        self._away_until = 0.0
        with contextlib.suppress(OSError):  # it has ended already: the closed channel shows that
            agreed.send(channel, asdict(agreed.LoadOrder("", "", dict(self._config.options))))
        if container.is_successor:
            self._renewals.connected(container)
        else:
            self._processes.watch(container)

    def _failed(self, container: Container, reason: Exception) -> None:
        if is_away(reason):
            self._engine_is_away(container, reason)
        elif container.is_successor:
            self._renewals.failed(container, str(reason))
        elif self._starting.get(container.name) is container:
            _logger.error("the container of %s cannot be started: %s", container.name, reason)
            self._note_obstacle(container.name, f"its container cannot be started: {reason}")
            self._judge_image(False)
            self._processes.launcher_ended(container)

    def _engine_is_away(self, container: Container, reason: Exception) -> None:
        """Nobody's container can be started: no image and no instance is to blame, so all try again soon."""
        if not self._away_until:
            _logger.error("the Docker engine does not answer: %s", reason)
        self._away_until = time.monotonic() + _AWAY_PAUSE_S
        container.is_blameless = True
        if container.is_successor:
            self._renewals.failed(container, "")
        elif self._starting.get(container.name) is container:
            self._note_obstacle(container.name, f"the Docker engine does not answer: {reason}")
            self._processes.launcher_ended(container)

    def _note_start(self, container: Container) -> None:
        if tenant := self._processes.tenants.get(container.name):
            tenant.obstacle = ""
            tenant.outdated = "no container of the new one starts" if self._has_gone_back else ""

    def _note_obstacle(self, name: str, obstacle: str) -> None:
        if tenant := self._processes.tenants.get(name):
            tenant.obstacle = obstacle

    def adapt(self, order: agreed.TenantOrder) -> agreed.TenantOrder:
        """See `Launchers.adapt`; the container gives the process its user."""
        front = ("127.0.0.1", agreed.LOOPBACK_PORT)
        mail = order.mail and replace(order.mail, socket=f"{CHANNEL_FOLDER}/{MAIL}")
        return replace(order, uid=None, gid=None, folder=FILES_FOLDER, readable=(), front=front, mail=mail)

    def limit(self, tenant: Tenant) -> None:
        """The engine limits containers when it makes them."""

    def describe(self, process: Process) -> dict[str, Any]:
        """See `Launchers.describe`: the use of all its processes, and the traffic in its network."""
        return {**_use_of_all(process.pid), **_traffic(process.pid)}

    def forget(self, launcher: Container) -> None:
        """Forget a container that ended or serves; if it never served, the next start is delayed."""
        self._loop.unwatch(launcher.listener)
        if launcher.is_ready:
            self._judge_image(True)
            self._note_start(launcher)
        if self._starting.get(launcher.name) is launcher:
            del self._starting[launcher.name]
        failures = self._failures.get(launcher.name, 0)
        if not launcher.is_blameless:
            failures = 0 if launcher.is_ready else failures + 1
        self._failures[launcher.name] = failures
        pause_s = min(_FIRST_PAUSE_S * 2.0 ** (failures - 1), _LONGEST_PAUSE_S) if failures else 0.0
        self._paused_until[launcher.name] = time.monotonic() + pause_s
        launcher.end()

    def cancel(self, tenant: Tenant) -> None:
        """The tenant must not be served: stop its container if that is still starting."""
        container = self._starting.pop(tenant.name, None)
        if container is not None:
            self._loop.unwatch(container.listener)
            if container.channel is not None:
                self._loop.unwatch(container.channel)
            container.end()
            self._background.submit(
                partial(self._stop, container), _said("the container of %s cannot be stopped", tenant)
            )

    def _stop(self, container: Container) -> None:
        """End a container, unless a newer start took its place, which ends it itself: it may be the same."""
        with self._engine.lock(container.name):
            if self._newest.get(container.name) is container:
                self._engine.end(container.wanted.oid)

    # ------------------------------------------------------------ another image

    def adopt(self, tenant: Tenant) -> None:
        """See `Launchers.adopt`; a container with other settings than the server's is replaced."""
        wanted = self._wanted(tenant)
        self._sockets.adopt(wanted.oid, wanted.user)
        self._background.submit(
            partial(self._renew_if_outdated, tenant, wanted),
            _said("the container of %s cannot be looked at", tenant),
        )

    def _renew_if_outdated(self, tenant: Tenant, wanted: Wanted) -> None:
        if not self._engine.is_current(wanted):
            self._background.report(partial(self._renewals.add, tenant))

    def _start_successor(self, tenant: Tenant) -> Container:
        """Start another container for a tenant that is awake. Raises OSError."""
        return self._begin(tenant, is_successor=True)

    def _give_up(self, container: Container) -> None:
        """Remove a successor: the container before it goes on serving."""
        self._loop.unwatch(container.listener)
        container.end()
        self._background.submit(
            partial(self._drop, container.wanted), _said("a container of %s cannot be removed", container)
        )

    def _drop(self, wanted: Wanted) -> None:
        with self._engine.lock(wanted.name):
            self._engine.drop(wanted)

    def _judge_image(self, is_good: bool) -> None:
        """Go back to the former image, for all that start from now on, if none of the new one starts."""
        self._is_proved = self._is_proved or is_good
        if not self._is_proved and self._made.former_image:
            _logger.error("no container of the new image starts: those that start get the former one")
            self._made = replace(self._made, image=self._made.former_image, former_image="")
            self._has_gone_back = True

    # ------------------------------------------------------------ after its end

    def clean_up(self, tenant: Tenant) -> None:
        """When a container's first process has ended, the kernel has ended all others in it."""
        self._background.submit(
            partial(self._clean_up, tenant, self._wanted(tenant)),
            _said("a former container of %s cannot be removed", tenant),
        )

    def _clean_up(self, tenant: Tenant, wanted: Wanted) -> None:
        if self._engine.was_out_of_memory(wanted.oid):
            _logger.warning("%s used more memory than its limit, and was killed", wanted.name)
        self._drop_former(wanted)
        self._background.report(partial(self._keep_newest_sockets, tenant, wanted))

    def _keep_newest_sockets(self, tenant: Tenant, wanted: Wanted) -> None:
        """Another container, with other settings, may have been started meanwhile."""
        newest = self._newest.get(tenant.name)
        self._sockets.keep_only(wanted.oid, newest.wanted.digest if newest else wanted.digest)

    def _drop_former(self, wanted: Wanted) -> None:
        """Remove former containers, also the one that has just ended, which the engine notices later."""
        deadline = time.monotonic() + _NOTICED_WITHIN_S
        while True:
            with self._engine.lock(wanted.name):
                are_gone = self._engine.drop_former(wanted)
            if are_gone or time.monotonic() > deadline:
                return
            time.sleep(_LOOK_S)

    def remove(self, tenant: Tenant, done: Callable[[], None]) -> None:
        """Remove the tenant's container and network; then call `done`."""
        self._newest.pop(tenant.name, None)
        self._sockets.close(tenant.entry.oid)
        self._remove_all_of(tenant.name, tenant.entry.oid, done)

    def _remove_all_of(self, name: str, oid: int, done: Callable[[], None]) -> None:
        def work() -> None:
            with self._engine.lock(name):
                self._engine.remove(oid)
            self._sockets.remove(oid)
            self._background.report(done)

        def failed(error: Exception) -> None:
            _logger.error("the container of %s cannot be removed: %s", name, error)
            self._loop.timers.after(_SWEEP_AGAIN_S, self.sweep)
            done()

        self._background.submit(work, failed)

    def sweep(self) -> None:
        """See `Launchers.sweep`; also end containers that a former spawner started and nobody recorded."""

        def failed(error: Exception) -> None:
            _logger.error("the Docker engine cannot be asked: %s", error)
            self._loop.timers.after(_SWEEP_AGAIN_S, self.sweep)

        self._background.submit(self._look_for_old, failed)

    def _look_for_old(self) -> None:
        self._background.report(partial(self._remove_old, self._engine.oids(), self._engine.running()))

    def _remove_old(self, found: set[int], running: Mapping[int, int]) -> None:
        tenants = self._processes.tenants.values()
        for oid in found - {tenant.entry.oid for tenant in tenants}:
            self._remove_all_of(str(oid), oid, _nothing)
        processes = [process for it in tenants for process in (it.process, *it.retired) if process]
        known = {process.pid for process in processes}
        busy = {container.wanted.oid for container in self._starting.values()} | self._renewals.oids
        for pid, oid in running.items():
            if pid not in known and oid not in busy:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    # ------------------------------------------------------------ all of them

    def follow_templates(self, databases: Mapping[tuple[str, str], str]) -> list[Container]:
        """A container loads the registry itself, so there is nothing to follow."""
        return []

    def protections(self) -> dict[str, str]:
        """See `Launchers.protections`."""
        return {"own user ids": "" if is_root() else "it was not started by root"}

    def end_all(self) -> None:
        for container in self._starting.values():
            container.end()
        self._starting.clear()
        self._background.close()


def _use_of_all(pid: int) -> dict[str, Any]:
    """As `tenants` tells for one process, if the container has others, which share its memory."""
    try:
        others = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        found = [psutil.Process(one) for one in (pid, *map(int, others))] if others else []
        times = [process.cpu_times() for process in found]
        memory_bytes = sum(process.memory_full_info().pss for process in found)
    except (OSError, psutil.Error):  # one has just ended, or may not be looked at
        return {}
    cpu_s = sum(it.user + it.system for it in times)
    return {"cpu_s": cpu_s, "memory_bytes": memory_bytes} if found else {}


def _traffic(pid: int) -> dict[str, Any]:
    """What the kernel counted in the container's network."""
    try:
        lines = Path(f"/proc/{pid}/net/dev").read_text(encoding="ascii").splitlines()[2:]
    except OSError:  # it has just ended
        return {}
    counts = {name.strip(): row.split() for name, _, row in (line.partition(":") for line in lines)}
    counts.pop("lo", None)
    return {
        "received_bytes": sum(int(row[_RECEIVED]) for row in counts.values()),
        "sent_bytes": sum(int(row[_SENT]) for row in counts.values()),
    }


def _said(what: str, whose: Tenant | Container) -> Callable[[Exception], None]:
    """For work whose failure is only logged. what: with a place for the name."""
    return partial(_logger.error, f"{what}: %s", whose.name)


def _nothing() -> None:
    """For callers that wait for nothing."""
