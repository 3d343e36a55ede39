"""R1: one Odoo server, threaded or prefork, for all tenants; `addons/saas_router` runs inside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from tenantry import process
from tenantry.errors import ServerNotStarted
from tenantry.model.names import ROUTER_ROLE
from tenantry.model.signing import public_key
from tenantry.odoo.config import code_options, database_options, server_marks, write_config
from tenantry.odoo.installation import OdooInstallation
from tenantry.odoo.own_addons import tenant_addons
from tenantry.odoo.probe import Route
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import MAINTENANCE_DATABASE, Cluster, Connection, translated
from tenantry.runtimes.base import OdooRuntime

CHANNEL = "tenantry_catalog"
"""Where the router listens for the names of databases that changed."""

HEALTH_PATH = "/tenantry/health"
_REGISTRIES = 5000
"""How many tenants a process may keep loaded; memory, not this, is what limits it."""


@dataclass(frozen=True)
class SharedRuntime(OdooRuntime):
    """The tenant server of one installation."""

    @property
    def config_file(self) -> Path:
        return self.settings.run_dir / f"tenants-{self.settings.odoo_series}.conf"

    @property
    def log_file(self) -> Path:
        return self.settings.log_dir / f"tenants-{self.settings.odoo_series}.log"

    def start(self, odoo: OdooInstallation, cluster: Cluster, report: Callable[[str], None]) -> None:
        """Start the server unless it runs, and wait until it answers. Raises ServerNotStarted."""

        def configure() -> OdooInstallation:
            report("Odoo: starting the tenant server")
            self._make_router_role(cluster)
            self._write_config(odoo, cluster)
            return odoo

        # An Odoo whose router did not load does not answer, and does not go on without it.
        self._bring_up(configure, cluster)

    def is_answering(self) -> bool:
        return self._answers("localhost", HEALTH_PATH)

    def is_serving(self, database: str) -> bool:
        """Whether a tenant's public route answers within 5 s; its first answer loads the tenant."""
        return self._answers(f"{database}.{self.settings.base_domain}", "/web/health")

    def _answers(self, hostname: str, path: str) -> bool:
        try:
            return self._route(hostname).get(path, timeout_s=5) == 200
        except (OSError, ServerNotStarted):
            return False

    def route(self, database: str, hostname: str = "") -> Route:
        """The public address of a tenant, or of one of its extra host names."""
        return self._route(hostname or f"{database}.{self.settings.base_domain}")

    @property
    def first_pages_at_once(self) -> int:
        """How many tenants are loaded at once: a process loads them one by one anyway.

        Two at least, so that one that hangs does not hold up the line.
        """
        return max(2, self.settings.workers)

    def _route(self, hostname: str) -> Route:
        """Behind a proxy that speaks HTTPS the public address has no port; we ask behind it."""
        port = self.port
        authority = f"{hostname}:{port}" if self.settings.protocol == "http" else hostname
        address = (self.settings.connect_to, port)
        return Route(f"{self.settings.protocol}://{authority}", authority, address)

    def _make_router_role(self, cluster: Cluster) -> None:
        with cluster.connect() as connection:
            roles.create(connection, ROUTER_ROLE, self.keys.role_password(ROUTER_ROLE))
            databases.let_connect(connection, MAINTENANCE_DATABASE, ROUTER_ROLE)

    def _write_config(self, odoo: OdooInstallation, cluster: Cluster) -> None:
        port = process.free_port(self.settings.http_port)
        router = cluster.as_role(ROUTER_ROLE, self.keys.role_password(ROUTER_ROLE))
        addons = (tenant_addons(self.settings), *self.settings.addons_path)
        options = {
            **database_options(router),
            **code_options(odoo, addons, self.settings.data_dir),
            # The router first: whatever the others import is patched already.
            "server_wide_modules": "saas_router,base,web",
            # The router decides; should it ever be missing, no database matches.
            "dbfilter": "^$",
            "http_interface": self.settings.http_interface,
            "http_port": str(port),
            "gevent_port": str(process.free_port(port + 3)),
            "proxy_mode": "True",
            "workers": str(self.settings.workers),
            "max_cron_threads": str(self.settings.cron_threads),
            "db_maxconn": str(self._connections_per_process()),
            **self._limits(),
        }
        section = {
            **server_marks(self.settings, cluster),
            "registries": str(_REGISTRIES),
            "public_key": public_key(self.keys.signing),
        }
        write_config(self.config_file, options, tenantry=section)

    def _connections_per_process(self) -> int:
        """All processes together stay below PostgreSQL's limit, with room for the engine."""
        processes = self.settings.workers + self.settings.cron_threads + 1 if self.settings.workers else 1
        return max(8, min(64, 240 // processes))

    def _limits(self) -> dict[str, str]:
        """Let the processes that hold registries share two thirds of the machine's memory.

        Odoo recycles a process that exceeds the soft limit, with all its loaded tenants.
        """
        share = psutil.virtual_memory().total * 2 // 3 // max(self.settings.workers, 1)
        return {
            "limit_memory_soft": str(share),
            "limit_memory_hard": str(share * 3 // 2),
            "limit_time_cpu": "600",
            "limit_time_real": "1200",
        }


def announce(connection: Connection, *names: str) -> None:
    """Tell the routers which databases changed; in a transaction, once it is committed."""
    with translated(connection, "announce a change"):
        for name in names:
            connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, name])
