"""The master's server: the operator's own Odoo, with the back office and its job runner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from tenantry.control_plane.agent_server import AgentServer
from tenantry.control_plane.code import queue_addons
from tenantry.errors import ServerNotStarted
from tenantry.model.address import Address, Upstream
from tenantry.model.keys import Keys
from tenantry.model.names import MASTER_DATABASE
from tenantry.model.secret import random_password
from tenantry.odoo.config import (
    Options,
    code_options,
    database_options,
    demo_options,
    read_option,
    server_marks,
    write_config,
)
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.own_addons import master_addons
from tenantry.odoo.probe import Route
from tenantry.odoo.server import Launch, OdooServer
from tenantry.odoo.view import odoo_folders
from tenantry.ports import choose_port
from tenantry.postgres.cluster import Cluster
from tenantry.sandbox import View, give
from tenantry.settings import ServerSettings
from tenantry.spawner.identity import kill_orphans_of, master_user

HEALTH_PATH = "/web/health"
CHANNELS = (
    "root:10,root.saas:4,root.saas_backup:1,root.saas_build:1,root.saas_pool:1,"
    "root.saas_mail:2,root.saas_webhook:2"
)
"""How many jobs run at once. A dead mail server, a slow endpoint or a long build must not delay creations."""
_START_TIMEOUT_S = 120
_LONGEST_JOB_S = 3600
USUAL_PORT = 8070
_FIRST_FREE_PORT = 1024


@dataclass(frozen=True)
class MasterRuntime:
    """The master's server of one installation. settings: those of the installation's own server."""

    settings: ServerSettings
    keys: Keys

    @property
    def config_file(self) -> Path:
        return self.settings.run_dir / "master.conf"

    @property
    def log_file(self) -> Path:
        return self.settings.log_dir / "master.log"

    @property
    def install_log(self) -> Path:
        """Odoo's log of the installation, and of updates."""
        return self.settings.log_dir / "master-install.log"

    def start(self, odoo: OdooInstallation, cluster: Cluster, report: Callable[[str], None]) -> None:
        """Start the server and its agent, unless they run; wait until they answer.

        odoo: see `control_plane.code.master_odoo`. Raises ServerNotStarted.
        """

        def configure() -> Launch:
            report("Odoo: starting the master")
            self._write_config(odoo, cluster, report)
            self._stop_agent_and_orphans()  # an agent has the settings with which it was started
            if self.agent:
                self.agent.start()
            return odoo, self.view(odoo, self.config_file, self.port)

        marks = server_marks(self.settings, cluster)
        self._server.ensure_running(configure, marks, self.is_answering, _START_TIMEOUT_S)
        if self.agent:
            self.agent.start()

    def stop(self) -> bool:
        """Stop the server and its agent, if they run; return whether the server ran."""
        did_run = self._server.stop()
        self._stop_agent_and_orphans()
        return did_run

    def _stop_agent_and_orphans(self) -> None:
        """Stop the agent, and processes that the master's Odoo may have left."""
        user = master_user()
        if self.agent:
            self.agent.stop()
        if user is not None:
            kill_orphans_of(user)

    @property
    def pid(self) -> int | None:
        """The running server's process id; None when it does not run."""
        return self._server.pid

    @property
    def port(self) -> int:
        """Raises ServerNotStarted when it never ran."""
        return self._server.port

    @property
    def _server(self) -> OdooServer:
        """Threads run on one core, see decision 0020; workers are processes, which may use a core each."""
        is_threaded = self.settings.installation.master_workers == 0
        return OdooServer(self.config_file, self.log_file, on_one_core=is_threaded)

    @property
    def agent(self) -> AgentServer | None:
        """The agent of a master that runs as a user of its own; None: the master uses the engine itself."""
        user = master_user()
        return None if user is None else AgentServer(self.settings, user)

    def view(self, odoo: OdooInstallation, config: Path, port: int = 0) -> View | None:
        """What the master's Odoo sees, if it runs as a user of its own, who becomes the owner of its files.

        An older version, or a person, may have made files there as root. port: where it listens, if it does.
        """
        data, user = self.settings.installation.master_data_dir, master_user()
        data.mkdir(parents=True, exist_ok=True)
        if self.agent is None or user is None:
            return None
        give(data, user)
        readable = (*odoo_folders(odoo, self._addons(odoo)), config, self.agent.folder())
        capabilities = ("net_bind_service",) if 0 < port < _FIRST_FREE_PORT else ()
        return View(readable, (data,), user, capabilities, hides_processes=True)

    def _addons(self, odoo: OdooInstallation) -> tuple[Path, ...]:
        return (master_addons(self.settings), *queue_addons(odoo))

    def is_answering(self) -> bool:
        try:
            return self.route.get(HEALTH_PATH, timeout_s=5) == 200
        except (OSError, ServerNotStarted):
            return False

    @property
    def route(self) -> Route:
        """The operator's address. Raises ServerNotStarted when it never ran."""
        host = "localhost" if self.settings.connect_to == "127.0.0.1" else self.settings.connect_to
        return Route(Address("http", host, self.port), Upstream(self.settings.connect_to, self.port))

    def options(self, odoo: OdooInstallation, cluster: Cluster) -> Options:
        """The options of every run of the master's Odoo: as a server, and for installing it."""
        role = cluster.as_role(MASTER_DATABASE, self.keys.role_password(MASTER_DATABASE))
        return {
            **database_options(role),
            **code_options(odoo, self._addons(odoo), self.settings.installation.master_data_dir),
            **demo_options(odoo.series, demo=False),
            "server_wide_modules": "base,web,queue_job",
            "http_interface": "127.0.0.1",
            "max_cron_threads": "0",
        }

    def _write_config(self, odoo: OdooInstallation, cluster: Cluster, report: Callable[[str], None]) -> None:
        settings, before = self.settings, self._ports_before()
        interface = settings.http_interface
        port = choose_port(
            "The master",
            "TENANTRY_MASTER_PORT",
            chosen=settings.installation.master_port,
            before=before[0],
            usual=USUAL_PORT,
            interface=interface,
            is_public=settings.is_public,
            report=report,
        )
        options = {
            **self.options(odoo, cluster),
            # With `dbfilter` Odoo would list the databases that its role owns, but the engine owns this one.
            "db_name": MASTER_DATABASE,
            # The password of the database manager, which is disabled; Odoo's default password is public.
            "admin_passwd": random_password().reveal(),
            "http_interface": self.settings.http_interface,
            "http_port": str(port),
            "gevent_port": str(
                choose_port(
                    "The master",
                    before=before[1] if before[1] != port else 0,
                    usual=port + 3,
                    interface=interface,
                )
            ),
            "proxy_mode": "True",
            "workers": str(self.settings.installation.master_workers),
            "max_cron_threads": "1",
            "db_maxconn": "32",
            **self._limits(),
        }
        # The job runner sends the server an HTTP request for each job.
        queue = {"channels": CHANNELS, "host": self.settings.connect_to, "port": str(port)}
        marks = server_marks(self.settings, cluster)
        write_config(self.config_file, options, owner=master_user(), queue_job=queue, tenantry=marks)

    def _ports_before(self) -> tuple[int, int]:
        """The server's previous ports for requests and websockets; 0 for none."""
        http, websockets = (read_option(self.config_file, f"{kind}_port") for kind in ("http", "gevent"))
        return int(http or 0), int(websockets or 0)

    def _limits(self) -> dict[str, str]:
        """The limits of a request. A job may build a template, which is two long runs of another Odoo."""
        memory = psutil.virtual_memory().total // 4
        longest_s = int(max(_LONGEST_JOB_S, 2 * self.settings.installation.init_timeout_s + 600))
        return {
            "limit_memory_soft": str(memory),
            "limit_memory_hard": str(max(memory * 2, 4 * 2**30)),
            "limit_time_cpu": str(longest_s),
            "limit_time_real": str(longest_s),
        }
