"""The tenants' containers: made and started by the Docker engine when their tenants wake.

A container takes the place of a zygote, for one tenant. The program in it connects to a socket that only this
container sees (`saas_process/container.py`). Through that channel it gets the order, which holds the secrets,
and the listening socket of its tenant. So no secret is in the container's settings, and the container listens
at no address that others can reach. When the process in it ends, the container stops; it is started again
for the next visitor, or made anew if its settings have changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import itertools
import json
import logging
import os
import queue
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.types import EndpointConfig, IPAMConfig, IPAMPool, LogConfig

from tenantry import agreed
from tenantry.spawner import config as settings
from tenantry.spawner.control import socket_address
from tenantry.spawner.identity import is_root, tenant_user
from tenantry.spawner.loop import Loop
from tenantry.spawner.renewals import Renewals
from tenantry.spawner.tenants import Tenant

if TYPE_CHECKING:
    from tenantry.spawner.processes import Processes

_logger = logging.getLogger(__name__)

MARK = "tenantry.server"
"""The label of containers and networks; its value is the server's mark."""
_SETTINGS, _OID = "tenantry.settings", "tenantry.oid"
CHANNEL_FOLDER, FILES_FOLDER = "/run/tenantry", "/var/lib/odoo/files"
CHANNEL, MAIL = "channel", "mail"
"""The spawner's sockets for one container: for its orders, and for connections to the mail relay."""
_AT_ONCE = 8
_CONNECTS_WITHIN_S = 60
_LOOK_S = 0.5
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_SUBNET_BITS = 29
_STOP_WITHIN_S = 5
_SWEEP_AGAIN_S = 30
_SCRATCH = {
    "/tmp": "size=64m,mode=1777",
    # For these the official image asks for volumes, which would stay behind.
    **{"/var/lib/odoo": "size=16m,mode=1777", "/mnt/extra-addons": "size=1m,mode=755"},
}
_HEALTH = {
    "test": ["CMD", "python3", "-c", f"from urllib.request import *; urlopen({agreed.LOOPBACK_HEALTH!r})"],
    "interval": 60 * 10**9,
    "timeout": 10 * 10**9,
    "start_period": 60 * 10**9,
    "retries": 3,
}


@dataclass(frozen=True)
class Wanted:
    """What a tenant's container shall be: all that its settings follow from."""

    name: str
    oid: int
    user: int
    files: str
    channel: str
    memory_bytes: int
    tasks: int
    cpus: float

    def digest(self, containers: settings.Containers) -> str:
        text = json.dumps([asdict(self), asdict(replace(containers, former_image=""))], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


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
        config: settings.Config,
        processes: Processes,
    ) -> None:
        assert config.containers
        self._loop = loop
        self._config = config
        self._processes = processes
        self._renewals = Renewals(loop, processes, self._start_beside, self._give_up, self._judge_image)
        self._is_proved = False
        self._engine = Engine(config.containers)
        self._folder = Path(config.run) / "containers"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._starting: dict[str, Container] = {}
        self._mail: dict[int, socket.socket] = {}
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
            channel=str(self._folder / str(oid)),
            memory_bytes=limits.memory_bytes,
            tasks=limits.tasks,
            cpus=tenant.entry.label.limits.get("cpus", 0),
        )

    def _listen(self, wanted: Wanted) -> socket.socket:
        """Listen where only this container can connect."""
        self._offer_mail(wanted.oid)
        return _listener(Path(wanted.channel) / CHANNEL, wanted.user)

    # ------------------------------------------------------------ mail

    def adopt(self, tenant: Tenant) -> None:
        """See `Launchers.adopt`; a container with other settings than the server's is replaced."""
        self._offer_mail(tenant.entry.oid)
        self._pool.submit(self._renew_if_outdated, tenant)

    def _renew_if_outdated(self, tenant: Tenant) -> None:
        try:
            is_current = self._engine.is_current(self._wanted(tenant))
        except Exception as error:
            _logger.error("the container of %s cannot be looked at: %s", tenant.name, error)
        else:
            if not is_current:
                self._report(partial(self._renewals.add, tenant))

    def _offer_mail(self, oid: int) -> None:
        """Give the container connections to the mail relay, which it cannot reach by its own network."""
        if oid not in self._mail:
            user = tenant_user(oid, self._config.users)
            listener = _listener(self._folder / str(oid) / MAIL, os.geteuid() if user is None else user)
            self._mail[oid] = listener
            self._loop.watch(listener, partial(self._connect_to_mail, listener, user))

    def _connect_to_mail(self, listener: socket.socket, user: int | None) -> None:
        """Send one connected socket to a container. To the relay it is the tenant's user who connects."""
        try:
            client, _address = listener.accept()
            with client, socket.create_connection(("127.0.0.1", self._config.mail_port), timeout=1) as relay:
                if user is not None:
                    os.fchown(relay.fileno(), user, -1)
                agreed.send(client, {}, [relay.fileno()])
        except OSError as error:
            _logger.warning("a container has no connection to the mail relay: %s", error)

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
            with self._engine.lock(wanted.name):
                self._engine.drop_former(wanted)
        except Exception as error:
            _logger.error("a former container of %s cannot be removed: %s", wanted.name, error)

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
        if mail := self._mail.pop(tenant.entry.oid, None):
            self._loop.unwatch(mail)
            mail.close()
        self._pool.submit(self._remove, tenant.name, tenant.entry.oid, done)

    def _remove(self, name: str, oid: int, done: Callable[[], None]) -> None:
        try:
            with self._engine.lock(name):
                self._engine.remove(oid)
            shutil.rmtree(self._folder / str(oid), ignore_errors=True)
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
    file.parent.mkdir(exist_ok=True)
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


def confined(
    api: Any,
    readable: Mapping[str, str],
    writable: Mapping[str, str],
    *,
    network: str,
    memory_bytes: int,
    tasks: int,
    cpus: float = 0,
) -> Any:
    """The host's part of a container's settings: what it sees, and what it may use.

    cpus: 0: no limit. readable, writable: files and folders of this machine, by their path in the container.
    """
    binds = {source: {"bind": place, "mode": "ro"} for place, source in readable.items()}
    binds |= {source: {"bind": place, "mode": "rw"} for place, source in writable.items()}
    return api.create_host_config(
        binds=binds,
        network_mode=network,
        mem_limit=memory_bytes,
        memswap_limit=memory_bytes,
        pids_limit=tasks,
        nano_cpus=int(cpus * 10**9),
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        read_only=True,
        tmpfs=_SCRATCH,
        log_config=LogConfig(type="json-file", config={"max-size": "1m", "max-file": "2"}),
    )


def _nothing() -> None:
    """For callers that wait for nothing."""


class Engine:
    """The Docker engine, for the containers of one server. Raises docker's `DockerException`."""

    def __init__(self, containers: settings.Containers) -> None:
        self.containers = containers
        self._locks: dict[str, threading.Lock] = {}
        self._locks_lock = threading.Lock()
        self._networks_lock = threading.Lock()
        self._clients = threading.local()

    @property
    def _api(self) -> Any:
        """A client of this thread: a client must not be shared."""
        if not hasattr(self._clients, "api"):
            self._clients.api = docker.APIClient(base_url=self.containers.engine, version="auto", timeout=60)
        return self._clients.api

    def lock(self, name: str) -> threading.Lock:
        """The lock for changes of a tenant's container."""
        with self._locks_lock:
            return self._locks.setdefault(name, threading.Lock())

    def start(self, wanted: Wanted, *, is_beside: bool) -> None:
        """Start the tenant's container; make it first where there is none, or one with other settings.

        is_beside: the one that runs goes on.
        """
        digest = wanted.digest(self.containers)
        self.drop_former(wanted)
        found = self._find(wanted.oid, digest)
        network = self._network(wanted)
        identifier = found["Id"] if found else self._create(wanted, digest, network)
        if found and found["State"] == "running":
            if is_beside:
                raise DockerException("it has these settings already")
            self._stop(identifier)  # its program has no order, or lost it
        self._api.start(identifier)

    def _create(self, wanted: Wanted, digest: str, network: str) -> str:
        api, containers = self._api, self.containers
        host = confined(
            api,
            {**containers.folders, CHANNEL_FOLDER: wanted.channel},
            {FILES_FOLDER: wanted.files},
            network=network,
            memory_bytes=wanted.memory_bytes,
            tasks=wanted.tasks,
            cpus=wanted.cpus,
        )
        made = api.create_container(
            containers.image,
            entrypoint=list(containers.command),
            command=[],
            name=f"{wanted.name}-{containers.mark}-{digest[:6]}",
            user=f"{wanted.user}:{wanted.user}",
            working_dir="/tmp",
            environment={"HOME": FILES_FOLDER, "PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "2"},
            labels={MARK: containers.mark, _OID: str(wanted.oid), _SETTINGS: digest},
            host_config=host,
            networking_config={"EndpointsConfig": {network: EndpointConfig(api.api_version)}},
            healthcheck=_HEALTH,
        )
        return str(made["Id"])

    def _network(self, wanted: Wanted) -> str:
        """The name of the tenant's own network; it is made if it does not exist."""
        name = f"{self.containers.mark}-{wanted.oid}"
        with self._networks_lock:
            networks = self._api.networks(filters={"label": MARK})
            if any(network["Name"] == name for network in networks):
                return name
            taken = {pool.get("Subnet") for it in networks for pool in it["IPAM"].get("Config") or ()}
            labels = {MARK: self.containers.mark, _OID: str(wanted.oid)}
            for subnet in self._free_subnets(taken):
                pool = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
                try:
                    self._api.create_network(name, driver="bridge", ipam=pool, labels=labels)
                except APIError as error:
                    if "overlap" not in str(error):
                        raise
                else:
                    return name
        raise DockerException(f"no addresses are left in {self.containers.networks}")

    def _free_subnets(self, taken: set[str | None]) -> Iterator[str]:
        pool = ipaddress.ip_network(self.containers.networks)
        subnets = map(str, pool.subnets(new_prefix=_SUBNET_BITS))
        return itertools.islice((subnet for subnet in subnets if subnet not in taken), 64)

    def why_stopped(self, wanted: Wanted) -> str:
        """Why the tenant's container does not run, with its last output; "" while it runs."""
        found = self._find(wanted.oid, wanted.digest(self.containers))
        if found is None:
            return "it was removed"
        if found["State"] in ("running", "created", "restarting"):
            return ""
        output = self._api.logs(found["Id"], tail=20).decode(errors="replace").strip()
        return f"it ended: {found['Status']}: {output[-2000:]}"

    def was_out_of_memory(self, oid: int) -> bool:
        states = (self._api.inspect_container(it["Id"])["State"] for it in self._all(oid))
        return any(state.get("OOMKilled") for state in states)

    def is_current(self, wanted: Wanted) -> bool:
        """Whether the container that runs has these settings."""
        digest = wanted.digest(self.containers)
        running = [it for it in self._all(wanted.oid) if it["State"] == "running"]
        return all(it["Labels"].get(_SETTINGS) == digest for it in running)

    def stop(self, oid: int) -> None:
        for found in self._all(oid):
            if found["State"] == "running":
                self._stop(found["Id"])

    def _stop(self, identifier: str) -> None:
        self._api.stop(identifier, timeout=_STOP_WITHIN_S)

    def remove(self, oid: int) -> None:
        """Remove the container and the network of a database."""
        for found in self._all(oid):
            self._remove_container(found["Id"])
        for network in self._api.networks(filters={"label": self._labels(oid)}):
            with contextlib.suppress(NotFound):
                self._api.remove_network(network["Id"])

    def drop(self, wanted: Wanted) -> None:
        """Remove the container with these settings."""
        if found := self._find(wanted.oid, wanted.digest(self.containers)):
            self._remove_container(found["Id"])

    def drop_former(self, wanted: Wanted) -> None:
        """Remove containers with other settings that do not run."""
        digest = wanted.digest(self.containers)
        for found in self._all(wanted.oid):
            if found["Labels"].get(_SETTINGS) != digest and found["State"] != "running":
                self._remove_container(found["Id"])

    def running(self) -> dict[int, int]:
        """The process ids of this server's containers that run, each with its database's oid."""
        mine = {"label": [f"{MARK}={self.containers.mark}", _OID]}
        states = ((self._api.inspect_container(it["Id"]), it) for it in self._api.containers(filters=mine))
        return {it["State"]["Pid"]: int(listed["Labels"][_OID]) for it, listed in states}

    def _remove_container(self, identifier: str) -> None:
        with contextlib.suppress(NotFound):
            self._api.remove_container(identifier, force=True, v=True)

    def oids(self) -> set[int]:
        """The databases that have a container or a network of this server."""
        mine = {"label": f"{MARK}={self.containers.mark}"}
        labels = [it["Labels"] for it in self._api.containers(all=True, filters=mine)]
        labels += [it["Labels"] for it in self._api.networks(filters=mine)]
        return {int(label[_OID]) for label in labels if label.get(_OID, "").isdigit()}

    def _all(self, oid: int) -> Sequence[Mapping[str, Any]]:
        """The containers of a database, as the engine lists them."""
        found: Sequence[Mapping[str, Any]] = self._api.containers(
            all=True, filters={"label": self._labels(oid)}
        )
        return found

    def _find(self, oid: int, digest: str) -> Mapping[str, Any] | None:
        return next((it for it in self._all(oid) if it["Labels"].get(_SETTINGS) == digest), None)

    def _labels(self, oid: int) -> list[str]:
        return [f"{MARK}={self.containers.mark}", f"{_OID}={oid}"]
