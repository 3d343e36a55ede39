"""R2: a container for each tenant, of Odoo's official image or the operator's own.

The tenant server is the same as for `shared`: the spawner wakes a tenant, and the front leads its visitors to
its socket. Only what the spawner starts differs, see `spawner.containers`. A tenant whose plan does not say
when it sleeps never sleeps.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

from tenantry.agreed import CONTAINER_PROGRAM, PROCESS_MODULE
from tenantry.errors import (
    ContainerEngineFailure,
    DependencyFailure,
    FirewallMissing,
    ServerNotStarted,
)
from tenantry.keyfile import write_private
from tenantry.model.server import Check
from tenantry.odoo.config import container_limits, container_options
from tenantry.odoo.confined import log_of
from tenantry.odoo.filestore import Filestores
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.initialise import OdooCommand
from tenantry.odoo.own_addons import tenant_addons
from tenantry.postgres import databases
from tenantry.postgres.cluster import Cluster
from tenantry.runtimes.docker_command import DATA_FOLDER, DockerCommand
from tenantry.runtimes.docker_host import DockerHost
from tenantry.runtimes.firewall import Firewall
from tenantry.runtimes.tenant_server import TenantServer
from tenantry.spawner.config import Config, Containers
from tenantry.spawner.container_engine import CHANNEL_FOLDER, MARK, OID
from tenantry.spawner.container_sockets import CHANNEL
from tenantry.spawner.renewals import WAITS

_OWN_ADDONS, _MORE_ADDONS = PurePosixPath("/mnt/tenantry"), PurePosixPath("/mnt/extra-addons")
_PROGRAM = _OWN_ADDONS / PROCESS_MODULE / CONTAINER_PROGRAM
_SOCKETS = PurePosixPath("/run/postgresql")
_CONTAINER, _NETWORK = "container ", "network "


@dataclass(frozen=True)
class DockerRuntime(TenantServer):
    """Tenants run in containers of the Docker engine of this machine."""

    def start(self, odoo: OdooInstallation, cluster: Cluster, report: Callable[[str], None]) -> None:
        """See `ServerRuntime.start`; a firewall that somebody flushed is put back, too."""
        self._prepare_engine()
        super().start(odoo, cluster, report)

    def prepare(self, odoo: OdooInstallation, cluster: Cluster, report: Callable[[str], None]) -> list[str]:
        """See `ServerRuntime.prepare`; no container is to run without the firewall."""
        self._prepare_engine()
        return super().prepare(odoo, cluster, report)

    def _prepare_engine(self) -> None:
        self._docker.require_here(self.mark)  # it must answer: it makes the chains
        try:
            self._firewall.apply()
        except DependencyFailure as error:
            reason = f"the containers' firewall cannot be set: {error}"
            raise ServerNotStarted("The tenant server", reason, self.log_file) from error

    def stop(self) -> bool:
        """See `ServerRuntime.stop`."""
        has_run = super().stop()
        if has_run:
            self._firewall.remove()
        return has_run

    @cached_property
    def _docker(self) -> DockerHost:
        return DockerHost(self.settings)

    @cached_property
    def _firewall(self) -> Firewall:
        return Firewall(self.settings.container_networks)

    def _launcher_fields(self, odoo: OdooInstallation, cluster: Cluster) -> dict[str, Any]:
        """See `TenantServer._launcher_fields`. Raises ServerNotStarted, ContainerEngineFailure."""
        if cluster.sockets is None:
            reason = "its containers need PostgreSQL's UNIX socket: give a DSN with a socket's folder as host"
            raise ServerNotStarted("The tenant server", reason, self.log_file)
        return {
            "options": container_options(self._addons, _SOCKETS, cluster.port),
            "limits": container_limits(self.settings),
            "containers": Containers(
                engine=self._docker.address,
                certificates=self._docker.certificates,
                image=self._docker.image_id(),
                mark=self.mark,
                command=("python3", str(_PROGRAM), f"{CHANNEL_FOLDER}/{CHANNEL}"),
                folders=self._folders(cluster.sockets),
                networks=self.settings.container_networks,
            ),
        }

    def _has_followed(self, odoo: OdooInstallation, cluster: Cluster) -> bool:
        """Another image, or other code in the containers: the spawner replaces them one after the other."""
        pid = self.pid
        if pid is None:
            return False
        known = Config.from_file(self.config_file)
        now = self._config(odoo, cluster, self.port, self._mail_port)
        if not (known.containers and now.containers) or now != replace(known, containers=now.containers):
            return False
        has_failed = self._has_image_failed()
        if now.containers == replace(known.containers, former_image="") and not has_failed:
            return True  # an earlier call has followed it
        former = (has_failed and known.containers.former_image) or known.containers.image
        containers = replace(now.containers, former_image=former)
        write_private(self.config_file, replace(now, containers=containers).to_json())
        os.kill(pid, signal.SIGHUP)
        return True

    def _has_image_failed(self) -> bool:
        """Whether an instance has the former image because its container of this one failed."""
        with contextlib.suppress(ServerNotStarted):
            return any(it.outdated not in ("", WAITS) for it in self.activities())
        return False

    @property
    def mark(self) -> str:
        """What tells this server's containers from others of the same engine."""
        return hashlib.sha256(str(self.settings.home).encode()).hexdigest()[:10]

    def _folders(self, sockets: Path) -> dict[str, str]:
        """What a container can read, by its path in the container."""
        folder = tenant_addons(self.settings)
        own = {_OWN_ADDONS / link.name: link.resolve() for link in folder.iterdir()}
        found = {**own, **dict(self._more_addons), _SOCKETS: sockets}
        return {str(place): str(path) for place, path in found.items()}

    @property
    def _addons(self) -> tuple[PurePosixPath, ...]:
        """The addons path in a container."""
        return (_OWN_ADDONS, *(place for place, _folder in self._more_addons))

    @property
    def _more_addons(self) -> list[tuple[PurePosixPath, Path]]:
        """The operator's folders of addons, each with its path in a container."""
        return [(_MORE_ADDONS / str(n), path) for n, path in enumerate(self.settings.addons_path)]

    def checks(self) -> list[Check]:
        """See `ServerRuntime.checks`."""
        return [
            Check.of("Container engine", self._docker.version),
            Check.of("Image", self._docker.checked_image),
            Check.of("Firewall", self._firewall_rules),
        ]

    def _firewall_rules(self) -> str:
        if obstacle := self._firewall.obstacle:
            raise FirewallMissing(self.settings.name, obstacle)
        return self.settings.container_networks

    def _folders_of_files(self) -> list[Path]:
        """See `TenantServer._folders_of_files`; containers and images are elsewhere."""
        try:
            folder = self._docker.folder()
        except ContainerEngineFailure:
            return super()._folders_of_files()
        return [*super()._folders_of_files(), *([folder] if folder.is_dir() else ())]

    def strays(self, hosts: Collection[str], oids: Collection[int]) -> set[str]:
        """See `Runtime.strays`; containers of commands have no database, and are removed when they end.

        There are no volumes: a container's folders are this machine's, or in memory.
        """
        mine, there = {"label": f"{MARK}={self.mark}"}, set(map(str, oids))
        with self._docker.opened() as engine:
            containers = [
                (it["Names"][0].lstrip("/"), it["Labels"]) for it in engine.containers(all=True, filters=mine)
            ]
            networks = [(it["Name"], it["Labels"]) for it in engine.networks(filters=mine)]
        lost = {f"{_CONTAINER}{name}" for name, labels in containers if labels.get(OID) not in there}
        lost |= {f"{_NETWORK}{name}" for name, labels in networks if labels.get(OID) not in there}
        return super().strays(hosts, oids) | lost

    def remove_stray(self, stray: str) -> None:
        """See `Runtime.remove_stray`. Raises ContainerEngineFailure."""
        if stray.startswith(_CONTAINER):
            with self._docker.opened() as engine, contextlib.suppress(NotFound):
                engine.remove_container(stray.removeprefix(_CONTAINER), force=True, v=True)
        elif stray.startswith(_NETWORK):
            with self._docker.opened() as engine, contextlib.suppress(NotFound):
                engine.remove_network(stray.removeprefix(_NETWORK))
        else:
            super().remove_stray(stray)

    def run_odoo(self, name: str, command: OdooCommand) -> Path:
        """See `Runtime.run_odoo`: in a container of its own, beside the tenant's."""
        settings, cluster = self.settings, self.cluster()
        assert cluster.sockets
        with cluster.connect() as connection:
            user = self.user_of(databases.oid(connection, name))
        container = DockerCommand(
            engine=self._docker.address,
            certificates=self._docker.certificates,
            image=self._docker.image_id(),
            mark=self.mark,
            name=name,
            user=os.geteuid() if user is None else user,
            options=self._command_options(name, cluster.port),
            config=settings.run_dir / f"{command.title}-{name}.conf",
            files=Filestores(settings.data_dir / "filestore").folder(name),
            folders=self._folders(cluster.sockets),
            log=log_of(settings, command.title, name),
            timeout_s=settings.installation.init_timeout_s,
        )
        try:
            container.run(command)
        except (DockerException, RequestException) as error:
            raise self._docker.failure(str(error)) from error
        return container.log

    def _command_options(self, name: str, port: int) -> dict[str, str]:
        """Odoo's options for a command on an instance, as the instance's role."""
        return {
            **container_options(self._addons, _SOCKETS, port),
            "server_wide_modules": "base,web",
            "data_dir": DATA_FOLDER,
            "db_user": name,
            "db_password": self.keys.role_password(name).reveal(),
        }
