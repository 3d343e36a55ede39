"""The tenant server: what the runtimes of one machine share, whatever runs a tenant's process.

The engine starts a keeper, which runs three programs: the spawner wakes tenants; the front passes each host's
requests to its tenant's socket; the mail relay, where a mail server is set, passes on tenants' mails. After
that the engine only sends requests to the spawner.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tenantry import interrupts, process
from tenantry.errors import PortTaken, ServerNotStarted
from tenantry.keyfile import write_private
from tenantry.model.activity import Activity
from tenantry.model.address import Address, Upstream, subdomain_host
from tenantry.model.keys import Keys, mail_key
from tenantry.model.names import LOCAL_SERVER, SPAWNER_ROLE
from tenantry.model.server import Capacity, Check
from tenantry.model.signing import public_key
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.probe import Route
from tenantry.ports import choose_port, free_port
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import MAINTENANCE_DATABASE, Cluster
from tenantry.relay import program as relay
from tenantry.relay.asking import Counted
from tenantry.runtimes.contract import Capabilities, Front
from tenantry.runtimes.machine import machine_capacity
from tenantry.runtimes.user_ids import user_range
from tenantry.settings import ServerSettings
from tenantry.spawner import control, identity
from tenantry.spawner.config import Config
from tenantry.spawner.control import CONTROL_FILE
from tenantry.spawner.following import followed
from tenantry.spawner.hosts import SUFFIXES, known_hosts

_logger = logging.getLogger(__name__)

HEALTH_PATH = "/tenantry/health"
_START_TIMEOUT_S = 60
_RESTART_TIMEOUT_S = 10
_POLL_S = 0.05
_COUNT_WITHIN_S = 2
USUAL_PORT = 8069
# The programs get only these environment variables: tenants must not see the environment of the shell that
# started them, and starting them from another shell must change nothing.
VARIABLES = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_MAX_LOG_BYTES = 2**20


def not_available() -> NoReturn:
    raise LookupError("this runtime was made without Odoo and a cluster: it cannot run commands")


@dataclass(frozen=True)
class TenantServer:
    """The tenant server of one server of an installation. A runtime adds how tenants' processes run.

    front: leads each host to its tenant's socket. odoo, cluster: needed only by `run_odoo`, which calls them.
    """

    settings: ServerSettings
    keys: Keys
    front: Front
    odoo: Callable[[], OdooInstallation] = not_available
    cluster: Callable[[], Cluster] = not_available

    # ------------------------------------------------------------ start and stop

    def start(self, odoo: OdooInstallation, cluster: Cluster, report: Callable[[str], None]) -> None:
        """Start it, unless it runs with the current configuration; wait until it answers.

        Raises ServerNotStarted.
        """
        with process.file_lock(self._file("lock")):
            if not self._is_current(odoo, cluster) and not self._has_followed(odoo, cluster):
                self.stop()
            if self.pid is None:
                report("Odoo: starting the tenant server")
                self._start(odoo, cluster, report)
            self._wait_until_answering()

    def _has_followed(self, _odoo: OdooInstallation, _cluster: Cluster) -> bool:
        """Follow a change of the settings while tenants are served; return whether that was possible."""
        return False

    def _start(self, odoo: OdooInstallation, cluster: Cluster, report: Callable[[str], None]) -> None:
        command = self.prepare(odoo, cluster, report)
        with interrupts.shielded():  # nobody could stop a server whose process id is not written
            pid = process.start(command, log=self.log_file)
            write_private(self._file("pid"), str(pid))

    def prepare(self, odoo: OdooInstallation, cluster: Cluster, report: Callable[[str], None]) -> list[str]:
        """Write its configuration; return the command that runs it in the foreground.

        Raises ServerNotStarted when it runs already.
        """
        if self.pid is not None:
            raise ServerNotStarted("The tenant server", f"it runs already, process {self.pid}", self.log_file)
        self._make_spawner_role(cluster)
        config = self._config(odoo, cluster, self._choose_port(report), self._choose_mail_port())
        self.front.write(config.front_port)
        relay.renew_key(self.settings, mail_key(self.keys.instances))
        write_private(self.config_file, config.to_json())
        return [sys.executable, "-m", "tenantry.spawner.keeper", str(self.config_file)]

    def _choose_port(self, report: Callable[[str], None]) -> int:
        settings = self.settings
        before = self.port if self.config_file.exists() else 0
        interface = settings.http_interface
        return choose_port(
            "The front",
            "TENANTRY_HTTP_PORT",
            chosen=settings.http_port,
            before=before,
            usual=USUAL_PORT,
            interface=interface,
            # The usual port is the own server's: any other has to have a port of its own.
            is_public=settings.is_public and settings.name == LOCAL_SERVER,
            report=report,
        )

    def _choose_mail_port(self) -> int:
        try:
            return choose_port("The mail relay", before=self._mail_port)
        except PortTaken:
            return free_port()

    @property
    def _mail_port(self) -> int:
        """The mail relay's port; 0: none was chosen yet."""
        return Config.from_file(self.config_file).mail_port if self.config_file.exists() else 0

    def _is_current(self, odoo: OdooInstallation, cluster: Cluster) -> bool:
        """Whether the written configuration is the one that would be written now."""
        with contextlib.suppress(ServerNotStarted, FileNotFoundError):
            now = self._config(odoo, cluster, self.port, self._mail_port)
            return self.config_file.read_text() == now.to_json()
        return False

    def _wait_until_answering(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self.is_answering():
            has_ended = self.pid is None
            if has_ended or time.monotonic() > deadline:
                reason = "it ended" if has_ended else f"it did not answer within {_START_TIMEOUT_S} s"
                output = process.last_lines(process.tail(self.log_file))
                self.stop()
                raise ServerNotStarted("The tenant server", f"{reason}: {output}", self.log_file)
            time.sleep(_POLL_S)

    def follow_mail_server(self) -> None:
        """See `ServerRuntime.follow_mail_server`: the keeper starts or ends the mail relay."""
        with process.file_lock(self._file("lock")):  # a server that starts does not take signals yet
            if (pid := self.pid) is None or not Config.from_file(self.config_file).relay:
                return  # it reads the file when it starts; one of an older version has to be replaced first
            os.kill(pid, signal.SIGUSR1)
        is_set, deadline = relay.current(self.settings) is not None, time.monotonic() + _RESTART_TIMEOUT_S
        while relay.is_listening(self._mail_port) != is_set:
            if time.monotonic() > deadline:
                what = "it does not listen" if is_set else "it does not end"
                raise ServerNotStarted("The mail relay", what, self.log_file)
            time.sleep(_POLL_S)

    def counted_mails(self, timeout_s: float) -> list[Counted]:
        """See `ServerRuntime.counted_mails`."""
        try:
            return relay.counted(self.settings, self._mail_port, timeout_s)
        except OSError as error:
            raise ServerNotStarted("The mail relay", str(error), self.log_file) from error

    def stop(self) -> bool:
        """Stop it and all tenants' processes, if it runs; return whether it ran."""
        pid = self.pid
        if pid is None:
            return False
        process.stop(pid)
        self._file("pid").unlink(missing_ok=True)
        return True

    # ------------------------------------------------------------ configuration and files

    @property
    def config_file(self) -> Path:
        return self._file("json")

    @property
    def log_file(self) -> Path:
        return self.settings.log_dir / f"tenants-{self.settings.odoo_series}.log"

    def logs(self, name: str, count: int) -> list[str]:
        """See `Runtime.logs`."""
        return process.tail(self._tenant_log(name), _MAX_LOG_BYTES).splitlines()[-count:]

    def follow_logs(self, name: str, count: int, is_gone: Callable[[], bool]) -> Iterator[str]:
        """See `Runtime.follow_logs`."""
        return followed(self._tenant_log(name), count, is_gone)

    def rename(self, old: str, new: str) -> None:
        """See `Runtime.rename`: the log files get the new name."""
        for suffix in ("log", "log.1"):
            with contextlib.suppress(FileNotFoundError):
                self._tenant_log(old, suffix).rename(self._tenant_log(new, suffix))

    def _tenant_log(self, name: str, suffix: str = "log") -> Path:
        return self.settings.log_dir / "tenants" / f"{name}.{suffix}"

    def user_of(self, oid: int) -> int | None:
        """See `Runtime.user_of` and `spawner.identity`."""
        return identity.tenant_user(oid, user_range(self.settings))

    def _file(self, suffix: str) -> Path:
        return self.settings.run_dir / f"tenants-{self.settings.odoo_series}.{suffix}"

    @property
    def pid(self) -> int | None:
        """The keeper's process id; None when it does not run."""
        return process.running(self._file("pid"), marker=str(self.config_file))

    @property
    def port(self) -> int:
        """See `Runtime.port`: the front's port, also when it is stopped."""
        if not self.config_file.exists():
            raise ServerNotStarted("The tenant server", "it was never started", self.log_file)
        return Config.from_file(self.config_file).front_port

    def _config(self, odoo: OdooInstallation, cluster: Cluster, port: int, mail_port: int) -> Config:
        settings, front = self.settings, self.front
        return Config(
            base_domain=settings.base_domain,
            address={k: v for k, v in cluster.parameters.items() if k != "user"},
            catalog_user=SPAWNER_ROLE,
            catalog_password=self.keys.role_password(SPAWNER_ROLE).reveal(),
            instances_key=self.keys.instances.reveal(),
            public_key=public_key(self.keys.signing),
            home=str(settings.home),
            hosts=str(front.hosts),
            filestores=str(settings.data_dir / "filestore"),
            logs=str(settings.log_dir),
            more_logs=(str(cluster.log),) if cluster.log else (),
            run=str(settings.run_dir),
            front_host=settings.connect_to,
            front_port=port,
            wanted_port=settings.http_port,
            users=user_range(settings),
            caddyfile=front.configuration(port),
            front=tuple(front.command()),
            front_environment={**VARIABLES, **front.variables},
            relay=tuple(relay.command(settings)),
            relay_environment=VARIABLES,
            relay_file=str(relay.file_of(settings)),
            mail_port=mail_port,
            **self._launcher_fields(odoo, cluster),
        )

    def _launcher_fields(self, odoo: OdooInstallation, cluster: Cluster) -> dict[str, Any]:
        """The fields of `Config` that say how tenants' processes are started, and with which limits.

        Raises ServerNotStarted.
        """
        raise NotImplementedError

    def _make_spawner_role(self, cluster: Cluster) -> None:
        with cluster.connect() as connection:
            roles.create(connection, SPAWNER_ROLE, self.keys.role_password(SPAWNER_ROLE))
            databases.ensure_connect(connection, MAINTENANCE_DATABASE, SPAWNER_ROLE)

    # ------------------------------------------------------------ tenants

    def follow(self, names: Collection[str]) -> None:
        """See `Runtime.follow`: the spawner reads these labels now.

        If the spawner is being restarted, this waits for it. If the server does not run, there is nothing to
        do: the spawner reads the labels when it starts.
        """
        deadline = time.monotonic() + _RESTART_TIMEOUT_S
        while True:
            try:
                self._ask({"do": "look", "names": sorted(names)})
            except control.SpawnerAway:
                if self.pid is None or time.monotonic() > deadline:
                    return
                time.sleep(_POLL_S)
            else:
                return

    def protections(self) -> dict[str, str]:
        """The protections between tenants, by name, with the reason if one is missing, else "".

        Raises ServerNotStarted.
        """
        try:
            found: dict[str, str] = self._ask({"do": "protections"})["protections"]
        except control.SpawnerAway as error:
            raise ServerNotStarted("The tenant server", str(error), self.log_file) from error
        return found

    def checks(self) -> list[Check]:
        """See `ServerRuntime.checks`."""
        return []

    def capacity(self) -> Capacity:
        """See `ServerRuntime.capacity`."""
        awake = 0
        with contextlib.suppress(ServerNotStarted):
            awake = sum(activity.is_awake for activity in self.activities(timeout_s=_COUNT_WITHIN_S))
        return machine_capacity(self._folders_of_files(), awake)

    def _folders_of_files(self) -> list[Path]:
        """Where the disk can become full."""
        return [self.settings.home]

    def end(self, name: str) -> None:
        """End a tenant's process; the next visitor wakes it again."""
        with contextlib.suppress(control.SpawnerAway):
            self._ask({"do": "end", "names": [name]})

    def activities(self, names: Collection[str] = (), timeout_s: float = 30) -> list[Activity]:
        """See `Runtime.activities`."""
        try:
            found = self._ask({"do": "ps", "names": sorted(names)}, timeout_s)["tenants"]
        except control.SpawnerAway as error:
            raise ServerNotStarted("The tenant server", str(error), self.log_file) from error
        return [Activity(**facts) for facts in found]

    def _ask(self, question: dict[str, Any], timeout_s: float = 30) -> dict[str, Any]:
        return control.ask(self.settings.run_dir / CONTROL_FILE, question, timeout_s)

    # ------------------------------------------------------------ addresses

    def is_answering(self) -> bool:
        if not self._answers("localhost", HEALTH_PATH):
            return False
        try:
            self._ask({"do": "look", "names": []})
        except control.SpawnerAway:
            return False
        return True

    def is_serving(self, name: str) -> bool:
        """See `Runtime.is_serving`; it waits 5 s at most."""
        try:
            is_ours = Config.from_file(self.config_file).base_domain == self.settings.base_domain
            found = self._ask({"do": "ps", "names": [name]})["tenants"] if is_ours else []
        except (control.SpawnerAway, FileNotFoundError):
            return False
        if found and not found[0]["is_awake"] and not found[0].get("is_broken"):
            return self._answers("localhost", HEALTH_PATH)
        return self._answers(subdomain_host(name, self.settings.base_domain), "/web/health")

    def _answers(self, hostname: str, path: str) -> bool:
        try:
            return Route(Address("http", hostname), self.upstream(hostname)).get(path, timeout_s=5) == 200
        except (OSError, ServerNotStarted):
            return False

    def strays(self, hosts: Collection[str], oids: Collection[int]) -> set[str]:
        """See `Runtime.strays`: hosts that the front knows and no label has."""
        return known_hosts(self.front.hosts) - set(hosts)

    def remove_stray(self, stray: str) -> None:
        """See `Runtime.remove_stray`. The spawner does not know of it: it would have removed it itself."""
        for suffix in SUFFIXES:
            (self.front.hosts / f"{stray}{suffix}").unlink(missing_ok=True)

    @property
    def capabilities(self) -> Capabilities:
        """The front's limit for host names, since it names sockets after hosts, and one first page per core.

        At least two first pages are allowed, so that one that hangs does not block the others.
        """
        return Capabilities(
            longest_host=self.front.longest_host,
            first_pages_at_once=max(2, os.cpu_count() or 1),
        )

    def upstream(self, name: str) -> Upstream:
        """See `Runtime.upstream`: the front, which passes requests on to the tenant's socket."""
        return Upstream(self.settings.connect_to, self.port)
