"""Odoo's configuration file."""

from __future__ import annotations

import configparser
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

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
"""Connections for scheduled jobs and the bus. A request rarely needs more than two."""
_MOST_WORKERS = 4
"""Each needs connections of its own, and a role has a limit of them."""


def write_config(file: Path, options: Options, *, owner: int | None = None, **sections: Options) -> None:
    """Write `[options]` and the sections. Only the owner can read the file, since it contains a password.

    owner: the user id of the Odoo that reads it; None: our own. Raises InvalidSetting for a value that is not
    one printable line.
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
    """The options by which Odoo connects, as the cluster's role."""
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
    """The options for Odoo's code and files; the database manager is disabled (X4)."""
    folders = [*addons, *odoo.addons]
    return {
        "addons_path": ",".join(str(folder) for folder in folders),
        "data_dir": str(data_dir),
        "list_db": "False",
    }


def tenant_options(settings: ServerSettings, odoo: OdooInstallation, cluster: Cluster) -> Options:
    """The options of every tenant's process; its role and password come with its order."""
    return {
        **code_options(odoo, tenants_addons_path(settings), settings.data_dir),
        **_address_options(cluster),
        **_tenant_options(),
    }


def _tenant_options() -> Options:
    return {
        "server_wide_modules": f"base,web,{PROCESS_MODULE}",
        "proxy_mode": "True",
        "max_cron_threads": "0",
        "http_interface": "127.0.0.1",
        # No mail is sent until the administrator sets a server: not through this machine with any sender.
        "smtp_server": "",
    }


def container_options(addons: Sequence[PurePath], sockets: PurePath, port: int) -> Options:
    """As `tenant_options`, for a process in a container, where Odoo itself is part of the image.

    addons: further folders, sockets: the folder of PostgreSQL's UNIX socket; paths in the container.
    """
    return {
        **_tenant_options(),
        "addons_path": ",".join(map(str, addons)),
        "data_dir": "/tmp",
        "list_db": "False",
        "db_host": str(sockets),
        "db_port": str(port),
    }


def tenant_limits(settings: ServerSettings) -> Limits:
    """The default limits of a tenant's process, for plans without limits of their own."""
    return Limits(
        idle_s=settings.sleep_after_s,
        threads=settings.tenant_threads,
        connections=2 * settings.tenant_threads + _MORE_CONNECTIONS,
        memory_bytes=settings.tenant_memory_mb * 2**20,
    )


def container_limits(settings: ServerSettings) -> Limits:
    """As `tenant_limits`, for a container: it has its memory to itself, and sleeps if its plan says so.

    A plan with several processor cores gets a process for each of them: threads of one share a core.
    """
    limits = tenant_limits(settings)
    recycle_bytes = limits.memory_bytes * 3 // 4
    return replace(limits, idle_s=0, recycle_bytes=recycle_bytes, workers=_MOST_WORKERS)


def server_marks(settings: ServerSettings, cluster: Cluster) -> Options:
    """The settings that a server reads at its start: when one changes, the server must be restarted."""
    return {
        "cluster_port": str(cluster.port),
        "base_domain": settings.base_domain,
        "protocol": settings.protocol,
    }


def demo_options(series: str, *, demo: bool) -> Options:
    """The options for demo data: opt-in since 19.0, opt-out before."""
    if float(series) >= 19:
        return {"with_demo": str(demo)}
    return {} if demo else {"without_demo": "all"}
