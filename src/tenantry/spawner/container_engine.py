"""The Docker engine: the containers and networks of one server, and how they are confined."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import itertools
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException, NotFound
from docker.types import EndpointConfig, IPAMConfig, IPAMPool, LogConfig

from tenantry import agreed
from tenantry.spawner.config import Containers
from tenantry.spawner.docker_client import connect

MARK = "tenantry.server"
"""The label of containers and networks; its value is the server's mark."""
OID = "tenantry.oid"
"""The label with the oid of the database that they are for."""
_SETTINGS = "tenantry.settings"
CHANNEL_FOLDER, FILES_FOLDER = "/run/tenantry", "/var/lib/odoo/files"
_SUBNET_BITS = 29
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
    """What a tenant's container shall be: all that its settings follow from.

    image, command, folders: see `config.Containers`.
    """

    name: str
    oid: int
    user: int
    files: str
    memory_bytes: int
    tasks: int
    cpus: float
    image: str
    command: tuple[str, ...]
    folders: Mapping[str, str]

    @property
    def digest(self) -> str:
        """What tells its containers from those with other settings."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class ContainerEngine:
    """The Docker engine, for the containers of one server. Raises docker's `DockerException`."""

    def __init__(self, containers: Containers) -> None:
        self._address, self._certificates = containers.engine, containers.certificates
        self._mark = containers.mark
        self._addresses = ipaddress.ip_network(containers.networks)
        self._locks: dict[str, threading.Lock] = {}
        self._locks_lock = threading.Lock()
        self._networks_lock = threading.Lock()
        self._clients = threading.local()

    @property
    def _api(self) -> Any:
        """A client of this thread: a client must not be shared."""
        if not hasattr(self._clients, "api"):
            self._clients.api = connect(self._address, self._certificates)
        return self._clients.api

    def lock(self, name: str) -> threading.Lock:
        """The lock for changes of a tenant's container."""
        with self._locks_lock:
            return self._locks.setdefault(name, threading.Lock())

    def start(self, wanted: Wanted, sockets: Path, *, is_successor: bool) -> None:
        """Start the tenant's container; make it first where there is none, or one with other settings.

        sockets: the folder of its sockets. is_successor: the one that runs goes on.
        """
        self.drop_former(wanted)
        found = self._find(wanted)
        network = self._network(wanted)
        identifier = found["Id"] if found else self._create(wanted, sockets, network)
        if found and found["State"] == "running":
            if is_successor:
                raise DockerException("it has these settings already")
            self._api.stop(identifier, timeout=0)  # its program has no order, or lost it
        self._api.start(identifier)

    def _create(self, wanted: Wanted, sockets: Path, network: str) -> str:
        api = self._api
        host = confined(
            api,
            {**wanted.folders, CHANNEL_FOLDER: str(sockets)},
            {FILES_FOLDER: wanted.files},
            network=network,
            memory_bytes=wanted.memory_bytes,
            tasks=wanted.tasks,
            cpus=wanted.cpus,
        )
        made = api.create_container(
            wanted.image,
            entrypoint=list(wanted.command),
            command=[],
            name=f"{wanted.name}-{self._mark}-{wanted.digest[:6]}",
            user=f"{wanted.user}:{wanted.user}",
            working_dir="/tmp",
            environment={"HOME": FILES_FOLDER, "PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "2"},
            labels={MARK: self._mark, OID: str(wanted.oid), _SETTINGS: wanted.digest},
            host_config=host,
            networking_config={"EndpointsConfig": {network: EndpointConfig(api.api_version)}},
            healthcheck=_HEALTH,
        )
        return str(made["Id"])

    def _network(self, wanted: Wanted) -> str:
        """The name of the tenant's own network; it is made if it does not exist."""
        name = f"{self._mark}-{wanted.oid}"
        with self._networks_lock:
            networks = self._api.networks(filters={"label": MARK})
            if any(network["Name"] == name for network in networks):
                return name
            taken = {pool.get("Subnet") for it in networks for pool in it["IPAM"].get("Config") or ()}
            labels = {MARK: self._mark, OID: str(wanted.oid)}
            for subnet in self._free_subnets(taken):
                pool = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
                try:
                    self._api.create_network(name, driver="bridge", ipam=pool, labels=labels)
                except APIError as error:
                    if "overlap" not in str(error):
                        raise
                else:
                    return name
        raise DockerException(f"no addresses are left in {self._addresses}")

    def _free_subnets(self, taken: set[str | None]) -> Iterator[str]:
        subnets = map(str, self._addresses.subnets(new_prefix=_SUBNET_BITS))
        return itertools.islice((subnet for subnet in subnets if subnet not in taken), 64)

    def why_stopped(self, wanted: Wanted) -> str:
        """Why the tenant's container does not run, with its last output; "" while it runs."""
        found = self._find(wanted)
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
        running = [it for it in self._all(wanted.oid) if it["State"] == "running"]
        return all(it["Labels"].get(_SETTINGS) == wanted.digest for it in running)

    def end(self, oid: int) -> None:
        """End the container of a database at once: its program serves nobody, and does not hear signals yet.

        A grace would end what was started in the meantime, too.
        """
        for found in self._all(oid):
            if found["State"] == "running":
                self._api.stop(found["Id"], timeout=0)

    def remove(self, oid: int) -> None:
        """Remove the container and the network of a database."""
        for found in self._all(oid):
            self._remove_container(found["Id"])
        for network in self._api.networks(filters={"label": self._labels(oid)}):
            with contextlib.suppress(NotFound):
                self._api.remove_network(network["Id"])

    def drop(self, wanted: Wanted) -> None:
        """Remove the container with these settings."""
        if found := self._find(wanted):
            self._remove_container(found["Id"])

    def drop_former(self, wanted: Wanted) -> bool:
        """Remove containers with other settings that do not run; return whether none is left that does."""
        others = [it for it in self._all(wanted.oid) if it["Labels"].get(_SETTINGS) != wanted.digest]
        stopped = [it for it in others if it["State"] != "running"]
        for found in stopped:
            self._remove_container(found["Id"])
        return len(stopped) == len(others)

    def running(self) -> dict[int, int]:
        """The process ids of this server's containers that run, each with its database's oid."""
        mine = {"label": [f"{MARK}={self._mark}", OID]}
        states = ((self._api.inspect_container(it["Id"]), it) for it in self._api.containers(filters=mine))
        return {it["State"]["Pid"]: int(listed["Labels"][OID]) for it, listed in states}

    def _remove_container(self, identifier: str) -> None:
        with contextlib.suppress(NotFound):
            self._api.remove_container(identifier, force=True, v=True)

    def oids(self) -> set[int]:
        """The databases that have a container or a network of this server."""
        mine = {"label": f"{MARK}={self._mark}"}
        labels = [it["Labels"] for it in self._api.containers(all=True, filters=mine)]
        labels += [it["Labels"] for it in self._api.networks(filters=mine)]
        return {int(label[OID]) for label in labels if label.get(OID, "").isdigit()}

    def _all(self, oid: int) -> Sequence[Mapping[str, Any]]:
        """The containers of a database, as the engine lists them."""
        found: Sequence[Mapping[str, Any]] = self._api.containers(
            all=True, filters={"label": self._labels(oid)}
        )
        return found

    def _find(self, wanted: Wanted) -> Mapping[str, Any] | None:
        found = self._all(wanted.oid)
        return next((it for it in found if it["Labels"].get(_SETTINGS) == wanted.digest), None)

    def _labels(self, oid: int) -> list[str]:
        return [f"{MARK}={self._mark}", f"{OID}={oid}"]


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
