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
import queue
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from docker.errors import DockerException

from tenantry import agreed
from tenantry.spawner.config import Config
from tenantry.spawner.container_engine import (
    CHANNEL,
    CHANNEL_FOLDER,
    FILES_FOLDER,
    MAIL,
    ContainerEngine,
    Wanted,
)
from tenantry.spawner.control import socket_address
from tenantry.spawner.identity import is_root, tenant_user
from tenantry.spawner.loop import Loop
from tenantry.spawner.renewals import Renewals
from tenantry.spawner.tenants import Tenant

if TYPE_CHECKING:
    from tenantry.spawner.processes import Processes

_logger = logging.getLogger(__name__)

_AT_ONCE = 8
_CONNECTS_WITHIN_S = 60
_LOOK_S = 0.5
_NOTICED_WITHIN_S = 5
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_MAIL_EVERY_S = 0.1
_SWEEP_AGAIN_S = 30


@dataclass
class Container:
    """A container that is being started, until its process serves; see `launchers.Launcher`.

    is_beside: another container serves the tenant meanwhile, see `renewals`.
    """

    wanted: Wanted
    listener: socket.socket
    channel: socket.socket | None = None
    is_ready: bool = False
    is_ended: bool = False
    is_beside: bool = False
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

    def __init__(
        self,
        loop: Loop,
        config: Config,
        processes: Processes,
    ) -> None:
        assert config.containers
        self._loop = loop
        self._config = config
        self._processes = processes
        self._renewals = Renewals(loop, processes, self._start_beside, self._give_up, self._judge_image)
        self._is_proved = False
        self._engine = ContainerEngine(config.containers, Path(config.run) / "containers")
        self._starting: dict[str, Container] = {}
        self._mail: dict[int, dict[str, socket.socket]] = {}
        self._failures: dict[str, int] = {}
        self._paused_until: dict[str, float] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="docker")
        self._results: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._readable, self._writable = os.pipe()
        for descriptor in (self._readable, self._writable):
            os.set_blocking(descriptor, False)
        loop.watch(self._readable, self._read_results)

    # ------------------------------------------------------------ starting

    def find_or_start(self, tenant: Tenant) -> Container:
        """The starting container of a tenant. Raises OSError while it must not be started."""
        found = self._starting.get(tenant.name)
        if found is not None:
            return found
        if time.monotonic() < self._paused_until.get(tenant.name, 0):
            raise OSError("its container failed and is started again after a pause")
        container = self._starting[tenant.name] = self._begin(tenant)
        return container

    def _start_beside(self, tenant: Tenant) -> Container:
        """Start another container for a tenant that is awake. Raises OSError."""
        return self._begin(tenant, is_beside=True)

    def _begin(self, tenant: Tenant, *, is_beside: bool = False) -> Container:
        wanted = self._wanted(tenant)
        container = Container(wanted, self._listen(wanted), is_beside=is_beside)
        self._loop.watch(container.listener, partial(self._accept, container))
        self._pool.submit(self._start, container)
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
            cpus=tenant.entry.label.limits.get("cpus", 0),
        )

    def _listen(self, wanted: Wanted) -> socket.socket:
        """Listen where only this container can connect, not the one that it replaces."""
        self._offer_mail(wanted)
        return _listener(self._engine.sockets_of(wanted) / CHANNEL, wanted.user)

    # ------------------------------------------------------------ mail

    def adopt(self, tenant: Tenant) -> None:
        """See `Launchers.adopt`; a container with other settings than the server's is replaced."""
        for folder in self._engine.folder_of(tenant.entry.oid).iterdir():
            self._offer_mail_in(folder, self._wanted(tenant))
        self._pool.submit(self._renew_if_outdated, tenant)

    def _renew_if_outdated(self, tenant: Tenant) -> None:
        try:
            is_current = self._engine.is_current(self._wanted(tenant))
        except Exception as error:
            _logger.error("the container of %s cannot be looked at: %s", tenant.name, error)
        else:
            if not is_current:
                self._report(partial(self._renewals.add, tenant))

    def _offer_mail(self, wanted: Wanted) -> None:
        """Give the container connections to the mail relay, which it cannot reach by its own network."""
        self._offer_mail_in(self._engine.sockets_of(wanted), wanted)

    def _offer_mail_in(self, folder: Path, wanted: Wanted) -> None:
        listeners = self._mail.setdefault(wanted.oid, {})
        if folder.name not in listeners:
            listeners[folder.name] = listener = _listener(folder / MAIL, wanted.user)
            self._loop.watch(listener, partial(self._connect_to_mail, listener, wanted.user))

    def _connect_to_mail(self, listener: socket.socket, user: int) -> None:
        """Send one connected socket to a container. To the relay it is the tenant's user who connects."""
        try:
            client, _address = listener.accept()
            with client, socket.create_connection(("127.0.0.1", self._config.mail_port), timeout=1) as relay:
                os.fchown(relay.fileno(), user, -1)
                agreed.send(client, {}, [relay.fileno()])
        except OSError as error:
            _logger.warning("a container has no connection to the mail relay: %s", error)
        # One that asks without end must not keep us from the others.
        self._loop.unwatch(listener)
        self._loop.timers.after(_MAIL_EVERY_S, partial(self._offer_again, listener, user))

    def _offer_again(self, listener: socket.socket, user: int) -> None:
        if listener.fileno() >= 0:  # it was not closed meanwhile
            self._loop.watch(listener, partial(self._connect_to_mail, listener, user))

    def _forget_sockets(self, wanted: Wanted) -> None:
        """Remove those of the database's former containers."""
        listeners = self._mail.get(wanted.oid)
        if listeners is None:
            return  # it was terminated
        now = self._engine.sockets_of(wanted)
        for former in set(listeners) - {now.name}:
            self._close(listeners.pop(former))
            shutil.rmtree(now.with_name(former), ignore_errors=True)

    def _close(self, listener: socket.socket) -> None:
        self._loop.unwatch(listener)
        listener.close()

    def _start(self, container: Container) -> None:
        """In a thread: start the container, and wait until it connects."""
        try:
            with self._engine.lock(container.name):
                if container.is_ended:
                    return
                self._engine.start(container.wanted, is_beside=container.is_beside)
            deadline = time.monotonic() + _CONNECTS_WITHIN_S
            while not container.connected.wait(_LOOK_S):
                if reason := self._engine.why_stopped(container.wanted):
                    raise DockerException(reason)
                if time.monotonic() > deadline:
                    raise DockerException(f"its program did not connect within {_CONNECTS_WITHIN_S} s")
        except Exception as error:
            self._report(partial(self._failed, container, str(error)))

    def _accept(self, container: Container) -> None:
        try:
            channel, _address = container.listener.accept()
        except OSError:
            return
        channel.setblocking(True)
        container.channel = channel
        container.connected.set()
        self._loop.unwatch(container.listener)
        with contextlib.suppress(OSError):  # it has ended already: the closed channel shows that
            agreed.send(channel, asdict(agreed.LoadOrder("", "", dict(self._config.options))))
        if container.is_beside:
            self._renewals.connected(container)
        else:
            self._processes.watch(container)

    def _failed(self, container: Container, reason: str) -> None:
        if container.is_beside:
            self._renewals.failed(container, reason)
        elif self._starting.get(container.name) is container:
            _logger.error("the container of %s cannot be started: %s", container.name, reason)
            self._judge_image(False)
            self._processes.launcher_ended(container)

    def _judge_image(self, is_good: bool) -> None:
        """Go back to the former image, for all that start from now on, if none of the new one starts."""
        self._is_proved = self._is_proved or is_good
        made = self._engine.containers
        if not self._is_proved and made.former_image:
            _logger.error("no container of the new image starts: those that start get the former one")
            self._engine.containers = replace(made, image=made.former_image, former_image="")

    def _give_up(self, container: Container) -> None:
        """Remove a container beside the one that goes on serving."""
        self._loop.unwatch(container.listener)
        container.end()
        self._pool.submit(self._drop, container.wanted)

    def _drop(self, wanted: Wanted) -> None:
        try:
            with self._engine.lock(wanted.name):
                self._engine.drop(wanted)
        except Exception as error:
            _logger.error("a container of %s cannot be removed: %s", wanted.name, error)

    def forget(self, launcher: Container) -> None:
        """Forget a container that ended or serves; if it never served, the next start is delayed."""
        self._loop.unwatch(launcher.listener)
        if launcher.is_ready:
            self._judge_image(True)
        if self._starting.get(launcher.name) is launcher:
            del self._starting[launcher.name]
        failures = 0 if launcher.is_ready else self._failures.get(launcher.name, 0) + 1
        self._failures[launcher.name] = failures
        pause_s = min(_FIRST_PAUSE_S * 2.0 ** (failures - 1), _LONGEST_PAUSE_S) if failures else 0.0
        self._paused_until[launcher.name] = time.monotonic() + pause_s
        launcher.end()

    def adapt(self, order: agreed.TenantOrder) -> agreed.TenantOrder:
        """See `Launchers.adapt`; the container gives the process its user."""
        front = ("127.0.0.1", agreed.LOOPBACK_PORT)
        mail = order.mail and replace(order.mail, socket=f"{CHANNEL_FOLDER}/{MAIL}")
        return replace(order, uid=None, gid=None, folder=FILES_FOLDER, readable=(), front=front, mail=mail)

    def follow_templates(self, databases: Mapping[tuple[str, str], str]) -> list[Container]:
        """A container loads the registry itself, so there is nothing to follow."""
        return []

    def start_ahead(self) -> None:
        """There is nothing to start ahead of a tenant."""

    def limit(self, tenant: Tenant) -> None:
        """The engine limits containers when it makes them."""

    def clean_up(self, tenant: Tenant) -> None:
        """When a container's first process has ended, the kernel has ended all others in it."""
        self._pool.submit(self._clean_up, self._wanted(tenant))

    def _clean_up(self, wanted: Wanted) -> None:
        try:
            if self._engine.was_out_of_memory(wanted.oid):
                _logger.warning("%s used more memory than its limit, and was killed", wanted.name)
            self._drop_former(wanted)
        except Exception as error:
            _logger.error("a former container of %s cannot be removed: %s", wanted.name, error)
        else:
            self._report(partial(self._forget_sockets, wanted))

    def _drop_former(self, wanted: Wanted) -> None:
        """Remove former containers, also the one that has just ended, which the engine notices later."""
        deadline = time.monotonic() + _NOTICED_WITHIN_S
        while True:
            with self._engine.lock(wanted.name):
                are_gone = self._engine.drop_former(wanted)
            if are_gone or time.monotonic() > deadline:
                return
            time.sleep(_LOOK_S)

    def protections(self) -> dict[str, str]:
        """See `Launchers.protections`."""
        return {"own user ids": "" if is_root() else "it was not started by root"}

    def cancel(self, tenant: Tenant) -> None:
        """The tenant must not be served: stop its container if that is still starting."""
        container = self._starting.pop(tenant.name, None)
        if container is not None:
            self._loop.unwatch(container.listener)
            if container.channel is not None:
                self._loop.unwatch(container.channel)
            container.end()
            self._pool.submit(self._stop, container.wanted)

    def _stop(self, wanted: Wanted) -> None:
        try:
            with self._engine.lock(wanted.name):
                self._engine.stop(wanted.oid)
        except DockerException as error:
            _logger.error("the container of %s cannot be stopped: %s", wanted.name, error)

    # ------------------------------------------------------------ removing

    def remove(self, tenant: Tenant, done: Callable[[], None]) -> None:
        """Remove the tenant's container and network; then call `done`."""
        for listener in self._mail.pop(tenant.entry.oid, {}).values():
            self._close(listener)
        self._pool.submit(self._remove, tenant.name, tenant.entry.oid, done)

    def _remove(self, name: str, oid: int, done: Callable[[], None]) -> None:
        try:
            with self._engine.lock(name):
                self._engine.remove(oid)
            shutil.rmtree(self._engine.folder_of(oid), ignore_errors=True)
        except Exception as error:
            _logger.error("the container of %s cannot be removed: %s", name, error)
            self._report(partial(self._loop.timers.after, _SWEEP_AGAIN_S, self.sweep))
        self._report(done)

    def sweep(self) -> None:
        """See `Launchers.sweep`; also end containers that a former spawner started and nobody recorded."""
        self._pool.submit(self._look_for_old)

    def _look_for_old(self) -> None:
        try:
            self._report(partial(self._remove_old, self._engine.oids(), self._engine.running()))
        except Exception as error:
            _logger.error("the Docker engine cannot be asked: %s", error)
            self._report(partial(self._loop.timers.after, _SWEEP_AGAIN_S, self.sweep))

    def _remove_old(self, found: set[int], running: Mapping[int, int]) -> None:
        tenants = self._processes.tenants.values()
        for oid in found - {tenant.entry.oid for tenant in tenants}:
            self._pool.submit(self._remove, str(oid), oid, _nothing)
        processes = [process for it in tenants for process in (it.process, *it.retired) if process]
        known = {process.pid for process in processes}
        busy = {container.wanted.oid for container in self._starting.values()} | self._renewals.oids
        for pid, oid in running.items():
            if pid not in known and oid not in busy:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def end_all(self) -> None:
        for container in self._starting.values():
            container.end()
        self._starting.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # ------------------------------------------------------------ results of threads

    def _report(self, action: Callable[[], None]) -> None:
        """Have the loop call the action."""
        self._results.put(action)
        with contextlib.suppress(OSError):
            os.write(self._writable, b"r")

    def _read_results(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._readable, 65536)
        while not self._results.empty():
            self._results.get()()


def _listener(file: Path, user: int) -> socket.socket:
    """Listen at the path, for that user."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.parent.chmod(0o755)
    file.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with socket_address(file) as address:
        listener.bind(address)
    file.chmod(0o600)
    os.chown(file, user, -1)
    listener.listen(8)
    listener.setblocking(False)
    return listener


def _nothing() -> None:
    """For callers that wait for nothing."""
