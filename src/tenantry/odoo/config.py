"""Odoo's configuration file."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

from tenantry.agreed import PROCESS_MODULE
from tenantry.errors import InvalidSetting
from tenantry.keyfile import write_private
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.own_addons import tenants_addons_path
from tenantry.postgres.cluster import Cluster
from tenantry.settings import ServerSettings
from tenantry.spawner.config import Limits

Options = Mapping[str, str]

_MORE_CONNECTIONS = 4
"""For scheduled jobs and the bus; a request rarely takes more than two."""


def write_config(file: Path, options: Options, *, owner: int | None = None, **sections: Options) -> None:
    """Write `[options]` and the sections; it holds a password, so only its owner can read it.

    owner: the user id of the Odoo that reads it; None: our own. Raises InvalidSetting for what is no line.
    """
    lines: list[str] = []
    for name, entries in {"options": options, **sections}.items():
        wrong = [key for key, value in entries.items() if not value.isprintable()]
        if wrong:
            raise InvalidSetting(wrong[0], entries[wrong[0]], "one line of text")
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in entries.items()), ""]
    write_private(file, "\n".join(lines), owner)


def read_option(file: Path, name: str, section: str = "options") -> str | None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(file)
    return parser.get(section, name, fallback=None)


def database_options(cluster: Cluster) -> Options:
    """How Odoo connects, as the cluster's role."""
    return {
        **_address_options(cluster),
        "db_user": cluster.user,
        "db_password": cluster.password.reveal() if cluster.password else "False",
    }


def _address_options(cluster: Cluster) -> Options:
    return {
        "db_host": cluster.host or "False",
        "db_port": str(cluster.port),
        "db_sslmode": cluster.parameters.get("sslmode", "prefer"),
    }


def code_options(odoo: OdooInstallation, addons: tuple[Path, ...], data_dir: Path) -> Options:
    """Which code runs and where its files are; the database manager is closed (X4)."""
    folders = [*addons, *odoo.addons]
    return {
        "addons_path": ",".join(str(folder) for folder in folders),
        "data_dir": str(data_dir),
        "list_db": "False",
    }


def tenant_options(settings: ServerSettings, odoo: OdooInstallation, cluster: Cluster) -> Options:
    """What every tenant's process is told; its role and password come with its order."""
    return {
        **code_options(odoo, tenants_addons_path(settings), settings.data_dir),
        **_address_options(cluster),
        "server_wide_modules": f"base,web,{PROCESS_MODULE}",
        "proxy_mode": "True",
        "max_cron_threads": "0",
        "http_interface": "127.0.0.1",
        # Mails go nowhere until the administrator sets a server: not through this machine, as anybody.
        "smtp_server": "",
    }


def tenant_limits(settings: ServerSettings) -> Limits:
    """What one tenant's process may use where its plan says nothing else."""
    return Limits(
        idle_s=settings.sleep_after_s,
        threads=settings.tenant_threads,
        connections=2 * settings.tenant_threads + _MORE_CONNECTIONS,
        memory_bytes=settings.tenant_memory_mb * 2**20,
    )


def server_marks(settings: ServerSettings, cluster: Cluster) -> Options:
    """What a running server was told once, and must be started anew for when it has changed."""
    return {
        "cluster_port": str(cluster.port),
        "base_domain": settings.base_domain,
        "protocol": settings.protocol,
    }


def demo_options(series: str, *, demo: bool) -> Options:
    """Demo data is opt-in since 19.0, opt-out before."""
    if float(series) >= 19:
        return {"with_demo": str(demo)}
    return {} if demo else {"without_demo": "all"}
