"""R1: one server for many tenants, each with a process of its own while it is awake.

The engine starts a keeper, which runs two programs: the spawner, which wakes tenants, and the front, which
leads each host to its tenant's socket. From then on it only asks.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tenantry import process, sandbox
from tenantry.agreed import PROCESS_MODULE, ZYGOTE_PROGRAM
from tenantry.edge.caddy import caddy_program, caddyfile, longest_host
from tenantry.edge.pages import write_pages
from tenantry.errors import InvalidSetting, ServerNotStarted
from tenantry.keyfile import write_private
from tenantry.model.activity import Activity
from tenantry.model.keys import Keys
from tenantry.model.names import LOCAL_SERVER, SPAWNER_ROLE
from tenantry.model.signing import public_key
from tenantry.odoo.config import code_options
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.own_addons import tenant_addons
from tenantry.odoo.probe import Route
from tenantry.odoo.view import odoo_folders
from tenantry.ports import choose_port
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import MAINTENANCE_DATABASE, Cluster, Connection, translated
from tenantry.runtimes.contract import Capabilities
from tenantry.settings import ServerSettings
from tenantry.spawner import control, identity
from tenantry.spawner.catalog import CHANNEL
from tenantry.spawner.config import Config, Limits
from tenantry.spawner.control import CONTROL_FILE

_logger = logging.getLogger(__name__)

HEALTH_PATH = "/tenantry/health"
_START_TIMEOUT_S = 60
_BACK_WITHIN_S = 10
_POLL_S = 0.05
_USUAL_PORT = 8069
_MORE_CONNECTIONS = 4
"""For scheduled jobs and the bus; a request rarely takes more than two."""
# All that these programs get of the environment: whose shell started them is no tenant's business, and
# starting them again from another one changes nothing.
_VARIABLES = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_ZYGOTE_VARIABLES = {
    **_VARIABLES,
    # A user id without an entry in passwd has neither a home nor a name.
    **{"HOME": "/tmp", "LOGNAME": "odoo", "USER": "odoo"},
    # Each of glibc's arenas takes 64 MB of what a process may have, and gives back less.
    "MALLOC_ARENA_MAX": "2",
}
_MOST_LOG_BYTES = 2**20


@dataclass(frozen=True)
class SharedRuntime:
    """The tenant server of one installation."""

    settings: ServerSettings
    keys: Keys

    # ------------------------------------------------------------ start and stop

    def start(self, odoo: OdooInstallation, cluster: Cluster, report: Callable[[str], None]) -> None:
        """Start it unless it runs as it should, and wait until it answers. Raises ServerNotStarted."""
        with process.file_lock(self._file("lock")):
            if not self._is_as_wanted(odoo, cluster):
                self.stop()
            if self.pid is None:
                report("Odoo: starting the tenant server")
                self._start(odoo, cluster)
            self._wait_until_answering()

    def _start(self, odoo: OdooInstallation, cluster: Cluster) -> None:
        pid = process.start(self.prepare(odoo, cluster), log=self.log_file)
        write_private(self._file("pid"), str(pid))

    def prepare(self, odoo: OdooInstallation, cluster: Cluster) -> list[str]:
        """Write down what it is told; return the command that runs it in the foreground.

        Raises ServerNotStarted when it runs already.
        """
        if self.pid is not None:
            raise ServerNotStarted("The tenant server", f"it runs already, process {self.pid}", self.log_file)
        self._make_spawner_role(cluster)
        config = self._config(odoo, cluster, self._choose_port())
        write_pages(self._front / "pages")
        (self._front / "Caddyfile").write_text(config.caddyfile)
        write_private(self.config_file, config.to_json())
        return [sys.executable, "-m", "tenantry.spawner.keeper", str(self.config_file)]

    def _choose_port(self) -> int:
        settings = self.settings
        before = self.port if self.config_file.exists() else 0
        interface = settings.http_interface
        return choose_port(
            "The front",
            "TENANTRY_HTTP_PORT",
            chosen=settings.http_port,
            before=before,
            usual=_USUAL_PORT,
            interface=interface,
        )

    def _is_as_wanted(self, odoo: OdooInstallation, cluster: Cluster) -> bool:
        """Whether what runs was told what it would be told now."""
        with contextlib.suppress(ServerNotStarted, FileNotFoundError):
            return self.config_file.read_text() == self._config(odoo, cluster, self.port).to_json()
        return False

    def _wait_until_answering(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self.is_answering():
            has_ended = self.pid is None
            if has_ended or time.monotonic() > deadline:
                reason = "it ended" if has_ended else f"it did not answer within {_START_TIMEOUT_S} s"
                said = process.last_lines(process.tail(self.log_file))
                self.stop()
                raise ServerNotStarted("The tenant server", f"{reason}: {said}", self.log_file)
            time.sleep(_POLL_S)

    def stop(self) -> bool:
        """Stop it and every tenant's process, if it runs; tell whether it did."""
        pid = self.pid
        if pid is None:
            return False
        process.stop(pid)
        self._file("pid").unlink(missing_ok=True)
        return True

    # ------------------------------------------------------------ what it was told

    @property
    def config_file(self) -> Path:
        return self._file("json")

    @property
    def log_file(self) -> Path:
        return self.settings.log_dir / f"tenants-{self.settings.odoo_series}.log"

    def logs(self, name: str, count: int) -> list[str]:
        """See `Runtime.logs`."""
        return process.tail(self._tenant_log(name), _MOST_LOG_BYTES).splitlines()[-count:]

    def rename(self, old: str, new: str) -> None:
        """See `Runtime.rename`: what an instance logged stays with it."""
        for suffix in ("log", "log.1"):
            with contextlib.suppress(FileNotFoundError):
                self._tenant_log(old, suffix).rename(self._tenant_log(new, suffix))

    def _tenant_log(self, name: str, suffix: str = "log") -> Path:
        return self.settings.log_dir / "tenants" / f"{name}.{suffix}"

    def user_of(self, oid: int) -> int | None:
        """See `Runtime.user_of` and `spawner.identity`."""
        return identity.tenant_user(oid, self._users)

    @property
    def _users(self) -> int:
        """The range of user ids that this server chose for its tenants when it was first asked.

        Raises InvalidSetting when there are more servers than ranges.
        """
        settings = self.settings
        if settings.name == LOCAL_SERVER:
            return 0
        file = settings.home / "users"
        if not file.exists():
            with process.file_lock(settings.installation.run_dir / "users.lock"):
                if file.exists():  # somebody was faster
                    return int(file.read_text())
                taken = {int(other.read_text()) for other in settings.home.parent.glob("*/users")}
                free = set(range(1, identity.RANGES)) - taken
                if not free:
                    most = f"one of {identity.RANGES - 1} at most beside the installation's own"
                    raise InvalidSetting("servers", settings.name, most)
                write_private(file, str(min(free)))
        return int(file.read_text())

    def _file(self, suffix: str) -> Path:
        return self.settings.run_dir / f"tenants-{self.settings.odoo_series}.{suffix}"

    @property
    def pid(self) -> int | None:
        """The keeper's process id; None when it does not run."""
        return process.running(self._file("pid"), marker=str(self.config_file))

    @property
    def port(self) -> int:
        """The front's. Raises ServerNotStarted when it never ran."""
        if not self.config_file.exists():
            raise ServerNotStarted("The tenant server", "it was never started", self.log_file)
        return Config.from_file(self.config_file).front_port

    def _config(self, odoo: OdooInstallation, cluster: Cluster, port: int) -> Config:
        settings = self.settings
        addons = (tenant_addons(settings), *settings.addons_path)
        code = odoo_folders(odoo, addons)
        options = {
            **code_options(odoo, addons, settings.data_dir),
            "db_host": cluster.host or "False",
            "db_port": str(cluster.port),
            "db_sslmode": cluster.parameters.get("sslmode", "prefer"),
            "server_wide_modules": f"base,web,{PROCESS_MODULE}",
            "proxy_mode": "True",
            "max_cron_threads": "0",
            "http_interface": "127.0.0.1",
            # Mails go nowhere until the administrator sets a server: not through this machine, as anybody.
            "smtp_server": "",
        }
        return Config(
            base_domain=settings.base_domain,
            address={k: v for k, v in cluster.parameters.items() if k != "user"},
            catalog_user=SPAWNER_ROLE,
            catalog_password=self.keys.role_password(SPAWNER_ROLE).reveal(),
            instances_key=self.keys.instances.reveal(),
            public_key=public_key(self.keys.signing),
            home=str(settings.home),
            hosts=str(self._hosts),
            filestores=str(settings.data_dir / "filestore"),
            logs=str(settings.log_dir),
            more_logs=(str(cluster.log),) if cluster.log else (),
            run=str(settings.run_dir),
            zygote=tuple(self._zygote_command(odoo, code)),
            zygote_environment={**odoo.environment, **_ZYGOTE_VARIABLES},
            options=options,
            readable=tuple(map(str, code)),
            front_host=settings.connect_to,
            front_port=port,
            wanted_port=settings.http_port,
            users=self._users,
            caddyfile=self._caddyfile(port),
            front=tuple(self._front_command()),
            front_environment={**_VARIABLES, **_front_variables()},
            limits=Limits(
                idle_s=settings.sleep_after_s,
                threads=settings.tenant_threads,
                connections=2 * settings.tenant_threads + _MORE_CONNECTIONS,
                memory_bytes=settings.tenant_memory_mb * 2**20,
            ),
        )

    def _zygote_command(self, odoo: OdooInstallation, code: Sequence[Path]) -> list[str]:
        """Where root starts it, it is a user of its own that may become others, and nothing else."""
        filestores = self.settings.data_dir / "filestore"
        filestores.mkdir(parents=True, exist_ok=True)
        view = sandbox.View(
            readable=tuple(code),
            writable=(filestores,),
            user=identity.ZYGOTE if identity.is_root() else None,
            capabilities=("setuid", "setgid"),
        )
        program = tenant_addons(self.settings) / PROCESS_MODULE / ZYGOTE_PROGRAM
        return sandbox.command(view, [odoo.python, program])

    @property
    def _hosts(self) -> Path:
        """The folder of all tenants' sockets, which no tenant sees."""
        return self.settings.home / "hosts"

    @property
    def _front(self) -> Path:
        """What the front is told: its configuration and its pages."""
        return self.settings.run_dir / "front"

    def _caddyfile(self, port: int) -> str:
        return caddyfile(
            interface=self.settings.http_interface,
            port=port,
            hosts=PurePosixPath(self._seen_by_front[self._hosts]),
            pages=PurePosixPath(self._seen_by_front[self._front]) / "pages",
            protocol=self.settings.protocol,
        )

    @property
    def _seen_by_front(self) -> dict[Path, Path]:
        """The paths of the front's folders in its own view: short ones, for a socket's holds 107 bytes."""
        if sandbox.available():  # says why it is not
            return {self._hosts: self._hosts, self._front: self._front}
        return {self._hosts: Path("/h"), self._front: Path("/f")}

    def _front_command(self) -> list[str]:
        """Where root starts it, it is a user of its own that may listen at any port, and nothing else."""
        seen = self._seen_by_front
        for folder in seen:
            folder.mkdir(parents=True, exist_ok=True)
        renamed = {place: folder for folder, place in seen.items() if place != folder}
        view = sandbox.View(
            readable=(caddy_program(), *(folder for folder, place in seen.items() if place == folder)),
            writable=(),
            user=identity.FRONT if identity.is_root() else None,
            capabilities=("net_bind_service",),
            binds=renamed,
        )
        config = seen[self._front] / "Caddyfile"
        arguments = [caddy_program(), "run", "--config", config, "--adapter", "caddyfile"]
        return sandbox.command(view, arguments, ends_with_caller=True)

    def _make_spawner_role(self, cluster: Cluster) -> None:
        with cluster.connect() as connection:
            roles.create(connection, SPAWNER_ROLE, self.keys.role_password(SPAWNER_ROLE))
            databases.ensure_connect(connection, MAINTENANCE_DATABASE, SPAWNER_ROLE)

    # ------------------------------------------------------------ tenants

    def follow(self, names: Collection[str]) -> None:
        """See `Runtime.follow`: the spawner reads these labels now.

        One that is just being started anew is waited for. Where the server does not run, nothing is woken,
        and the next one reads the labels.
        """
        deadline = time.monotonic() + _BACK_WITHIN_S
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
        """What separates tenants, by name; each with why it is missing, or "". Raises ServerNotStarted."""
        try:
            found: dict[str, str] = self._ask({"do": "protections"})["protections"]
        except control.SpawnerAway as error:
            raise ServerNotStarted("The tenant server", str(error), self.log_file) from error
        return found | {"bubblewrap": sandbox.available()}

    def end(self, name: str) -> None:
        """Have a tenant's process end; the next visitor wakes it anew."""
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
        return self._answers(f"{name}.{self.settings.base_domain}", "/web/health")

    def _answers(self, hostname: str, path: str) -> bool:
        try:
            return self._route(hostname).get(path, timeout_s=5) == 200
        except (OSError, ServerNotStarted):
            return False

    @property
    def capabilities(self) -> Capabilities:
        """The front finds a tenant's socket by its host name, and each new one keeps a core busy at first.

        Two of these at least, so that one that hangs does not hold up the line.
        """
        return Capabilities(
            longest_host=longest_host(PurePosixPath(self._seen_by_front[self._hosts])),
            first_pages_at_once=max(2, os.cpu_count() or 1),
        )

    def route(self, name: str, hostname: str = "") -> Route:
        """See `Runtime.route`."""
        return self._route(hostname or f"{name}.{self.settings.base_domain}")

    def _route(self, hostname: str) -> Route:
        """Behind a proxy that speaks HTTPS the public address has no port; we ask behind it."""
        port = self.port
        authority = f"{hostname}:{port}" if self.settings.protocol == "http" else hostname
        address = (self.settings.connect_to, port)
        return Route(f"{self.settings.protocol}://{authority}", authority, address)


def _front_variables() -> dict[str, str]:
    """The front needs a tenth of what the tenants do: it is not to take every core.

    With as many threads as cores they wake one another for nothing: 6 % fewer answers of busy tenants.
    """
    cores = max(1, (os.cpu_count() or 1) // 2)
    return {"HOME": "/tmp", "XDG_DATA_HOME": "/tmp", "GOMAXPROCS": str(cores), "GOGC": "200"}


def announce(connection: Connection, *names: str) -> None:
    """Tell the spawner which databases changed; in a transaction, once it is committed."""
    with translated(connection, "announce a change"):
        for name in names:
            connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, name])
