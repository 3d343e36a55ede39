"""What an operator may set: read once from the environment into a frozen object."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from tenantry.errors import InvalidSetting
from tenantry.model.names import RESERVED_NAMES
from tenantry.model.secret import Secret

DEFAULT_HTTP_PORT = 8069


@dataclass(frozen=True)
class Settings:
    """One installation's settings; `Settings.from_environment()` is the usual door.

    home: state of this installation (cluster, filestore, keys, logs).
    cache: downloads and the unpacked Odoo, shared by installations of one user.
    pg_dsn: a cluster to use instead of the embedded one; its role needs CREATEDB and CREATEROLE.
    protocol: what customers' addresses begin with; `https` needs a proxy in front.
    workers: 0 runs Odoo threaded, more runs that many prefork HTTP workers.
    """

    home: Path
    cache: Path
    pg_dsn: Secret | None = None
    pg_bin: Path | None = None
    odoo_source: Path | None = None
    odoo_series: str = "19.0"
    addons_path: tuple[Path, ...] = ()
    base_domain: str = "localhost"
    protocol: str = "http"
    http_interface: str = "127.0.0.1"
    http_port: int = DEFAULT_HTTP_PORT
    workers: int = 0
    cron_threads: int = 1
    init_timeout_s: float = 1800
    probe_timeout_s: float = 30
    cron_jitter_s: int = 3600
    pool_size: int = 2
    reserved_names: frozenset[str] = field(default=RESERVED_NAMES)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the TENANTRY_* variables and ODOO_SOURCE. Raises InvalidSetting."""
        get = (os.environ if environment is None else environment).get
        dsn = get("TENANTRY_PG_DSN")
        return cls(
            home=Path(get("TENANTRY_HOME") or ".tenantry").expanduser().absolute(),
            cache=Path(get("TENANTRY_CACHE") or platformdirs.user_cache_dir("tenantry")).absolute(),
            pg_dsn=Secret(dsn) if dsn else None,
            pg_bin=_path(get("TENANTRY_PG_BIN")),
            odoo_source=_path(get("ODOO_SOURCE")),
            odoo_series=get("TENANTRY_ODOO_SERIES") or cls.odoo_series,
            addons_path=_paths(get("TENANTRY_ADDONS_PATH")),
            base_domain=(get("TENANTRY_BASE_DOMAIN") or cls.base_domain).lower(),
            protocol=_protocol(get("TENANTRY_PROTOCOL") or cls.protocol),
            http_interface=get("TENANTRY_HTTP_INTERFACE") or cls.http_interface,
            http_port=_number("TENANTRY_HTTP_PORT", get("TENANTRY_HTTP_PORT"), cls.http_port),
            workers=_number("TENANTRY_WORKERS", get("TENANTRY_WORKERS"), cls.workers),
            cron_threads=_number("TENANTRY_CRON_THREADS", get("TENANTRY_CRON_THREADS"), cls.cron_threads),
            init_timeout_s=_number(
                "TENANTRY_INIT_TIMEOUT_S", get("TENANTRY_INIT_TIMEOUT_S"), int(cls.init_timeout_s)
            ),
            probe_timeout_s=_number(
                "TENANTRY_PROBE_TIMEOUT_S", get("TENANTRY_PROBE_TIMEOUT_S"), int(cls.probe_timeout_s)
            ),
            cron_jitter_s=_number("TENANTRY_CRON_JITTER_S", get("TENANTRY_CRON_JITTER_S"), cls.cron_jitter_s),
            pool_size=_number("TENANTRY_POOL_SIZE", get("TENANTRY_POOL_SIZE"), cls.pool_size),
            reserved_names=RESERVED_NAMES | _words(get("TENANTRY_RESERVED_NAMES")),
        )

    @property
    def key_file(self) -> Path:
        """The installation's one secret; every role's password is derived from it."""
        return self.home / "secrets" / "installation.key"

    @property
    def data_dir(self) -> Path:
        """Odoo's data folder: filestore and sessions."""
        return self.home / "odoo" / self.odoo_series

    @property
    def log_dir(self) -> Path:
        return self.home / "log"

    @property
    def run_dir(self) -> Path:
        """Configuration and process ids of the servers we start."""
        return self.home / "run"

    @property
    def recipe_dir(self) -> Path:
        """The operator's own recipes; they win over the shipped ones."""
        return self.home / "recipes"


def _path(value: str | None) -> Path | None:
    return Path(value).expanduser().absolute() if value else None


def _paths(value: str | None) -> tuple[Path, ...]:
    return tuple(Path(part).expanduser().absolute() for part in (value or "").split(os.pathsep) if part)


def _words(value: str | None) -> frozenset[str]:
    return frozenset(word.strip().lower() for word in (value or "").split(",") if word.strip())


def _protocol(value: str) -> str:
    if value not in ("http", "https"):
        raise InvalidSetting("TENANTRY_PROTOCOL", value, "http or https")
    return value


def _number(name: str, value: str | None, default: int) -> int:
    if not value:
        return default
    if not value.isdigit():
        raise InvalidSetting(name, value, "a whole number")
    return int(value)
