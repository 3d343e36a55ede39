"""What an operator may set: read once from the environment into a frozen object."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import platformdirs

from tenantry.errors import InvalidSetting, InvalidValue
from tenantry.keyfile import key_file, write_private
from tenantry.model.limits import MAX_THREADS
from tenantry.model.names import RESERVED_NAMES, hostname
from tenantry.model.secret import Secret
from tenantry.model.series import series

_MAX_PORT = 65535
_FILE = "settings.toml"
_NEVER_IN_FILE = {"home", "cache", "pg_dsn", "odoo_source", "inside_master"}


@dataclass(frozen=True)
class Settings:
    """One installation's settings; `Settings.from_environment()` is the usual door.

    home: state of this installation (cluster, filestore, keys, logs).
    cache: downloads and the unpacked Odoo, shared by installations of one user.
    pg_dsn: a cluster to use instead of the embedded one; its role needs CREATEDB and CREATEROLE.
    protocol: what customers' addresses begin with; `https` needs a proxy in front.
    sleep_after_s: how long nobody must have come before a tenant's process ends.
    tenant_threads, tenant_memory_mb: how many requests a tenant's process serves at once, what it may use.
    http_port, master_port: the front's and the back office's; 0 leaves them theirs, see `ports`.
    master_workers: of the back office; 0 runs it threaded.
    inside_master: this is the back office's own process, which uses servers and starts none.
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
    http_port: int = 0
    sleep_after_s: int = 300
    tenant_threads: int = 8
    tenant_memory_mb: int = 2048
    master_port: int = 0
    master_workers: int = 0
    init_timeout_s: float = 1800
    probe_timeout_s: float = 30
    cron_jitter_s: int = 3600
    pool_size: int = 2
    reserved_names: frozenset[str] = field(default=RESERVED_NAMES)
    inside_master: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the TENANTRY_* variables and ODOO_SOURCE, then `settings.toml`.

        Raises InvalidSetting, UnsupportedSeries.
        """
        get = _with_file(os.environ if environment is None else environment).get
        dsn = get("TENANTRY_PG_DSN")
        return cls(
            home=_home(get("TENANTRY_HOME")),
            cache=Path(get("TENANTRY_CACHE") or platformdirs.user_cache_dir("tenantry")).absolute(),
            pg_dsn=Secret(dsn) if dsn else None,
            pg_bin=_path(get("TENANTRY_PG_BIN")),
            odoo_source=_path(get("ODOO_SOURCE")),
            odoo_series=series(get("TENANTRY_ODOO_SERIES") or cls.odoo_series),
            addons_path=_paths(get("TENANTRY_ADDONS_PATH")),
            base_domain=_domain(get("TENANTRY_BASE_DOMAIN") or cls.base_domain),
            protocol=_protocol(get("TENANTRY_PROTOCOL") or cls.protocol),
            http_interface=get("TENANTRY_HTTP_INTERFACE") or cls.http_interface,
            http_port=_number("TENANTRY_HTTP_PORT", get("TENANTRY_HTTP_PORT"), cls.http_port, _MAX_PORT),
            sleep_after_s=_number("TENANTRY_SLEEP_AFTER_S", get("TENANTRY_SLEEP_AFTER_S"), cls.sleep_after_s),
            tenant_threads=_number(
                "TENANTRY_TENANT_THREADS", get("TENANTRY_TENANT_THREADS"), cls.tenant_threads, MAX_THREADS
            ),
            tenant_memory_mb=_number(
                "TENANTRY_TENANT_MEMORY_MB", get("TENANTRY_TENANT_MEMORY_MB"), cls.tenant_memory_mb
            ),
            master_port=_number(
                "TENANTRY_MASTER_PORT", get("TENANTRY_MASTER_PORT"), cls.master_port, _MAX_PORT
            ),
            master_workers=_number(
                "TENANTRY_MASTER_WORKERS", get("TENANTRY_MASTER_WORKERS"), cls.master_workers
            ),
            init_timeout_s=_number(
                "TENANTRY_INIT_TIMEOUT_S", get("TENANTRY_INIT_TIMEOUT_S"), int(cls.init_timeout_s)
            ),
            probe_timeout_s=_number(
                "TENANTRY_PROBE_TIMEOUT_S", get("TENANTRY_PROBE_TIMEOUT_S"), int(cls.probe_timeout_s)
            ),
            cron_jitter_s=_number("TENANTRY_CRON_JITTER_S", get("TENANTRY_CRON_JITTER_S"), cls.cron_jitter_s),
            pool_size=_number("TENANTRY_POOL_SIZE", get("TENANTRY_POOL_SIZE"), cls.pool_size),
            reserved_names=RESERVED_NAMES | _words(get("TENANTRY_RESERVED_NAMES")),
            inside_master=bool(get("TENANTRY_INSIDE_MASTER")),
        )

    def to_environment(self) -> dict[str, str]:
        """The variables that `from_environment` reads these settings from; the DSN is a secret."""
        return {
            "TENANTRY_HOME": str(self.home),
            "TENANTRY_CACHE": str(self.cache),
            "TENANTRY_PG_DSN": self.pg_dsn.reveal() if self.pg_dsn else "",
            "TENANTRY_PG_BIN": str(self.pg_bin or ""),
            "ODOO_SOURCE": str(self.odoo_source or ""),
            "TENANTRY_ODOO_SERIES": self.odoo_series,
            "TENANTRY_ADDONS_PATH": os.pathsep.join(str(folder) for folder in self.addons_path),
            "TENANTRY_BASE_DOMAIN": self.base_domain,
            "TENANTRY_PROTOCOL": self.protocol,
            "TENANTRY_HTTP_INTERFACE": self.http_interface,
            "TENANTRY_HTTP_PORT": str(self.http_port or ""),
            "TENANTRY_SLEEP_AFTER_S": str(self.sleep_after_s),
            "TENANTRY_TENANT_THREADS": str(self.tenant_threads),
            "TENANTRY_TENANT_MEMORY_MB": str(self.tenant_memory_mb),
            "TENANTRY_MASTER_PORT": str(self.master_port or ""),
            "TENANTRY_MASTER_WORKERS": str(self.master_workers),
            "TENANTRY_INIT_TIMEOUT_S": f"{self.init_timeout_s:.0f}",
            "TENANTRY_PROBE_TIMEOUT_S": f"{self.probe_timeout_s:.0f}",
            "TENANTRY_CRON_JITTER_S": str(self.cron_jitter_s),
            "TENANTRY_POOL_SIZE": str(self.pool_size),
            "TENANTRY_RESERVED_NAMES": ",".join(sorted(self.reserved_names - RESERVED_NAMES)),
            "TENANTRY_INSIDE_MASTER": "1" if self.inside_master else "",
        }

    @property
    def file(self) -> Path:
        """What was set in the back office; a variable of the environment wins."""
        return self.home / _FILE

    def save(self, **changes: str) -> None:
        """Write these settings into the file, for the next start. Raises InvalidSetting."""
        known = _read_file(self.file) | changes
        variables = {_variable(key): value for key, value in known.items()}
        Settings.from_environment({"TENANTRY_HOME": str(self.home), **variables})
        lines = (f"{key} = {json.dumps(value)}" for key, value in sorted(known.items()))
        write_private(self.file, "\n".join([*lines, ""]))

    @property
    def connect_to(self) -> str:
        """Where this machine reaches the servers that listen on `http_interface`."""
        return "127.0.0.1" if self.http_interface == "0.0.0.0" else self.http_interface

    @property
    def secrets_dir(self) -> Path:
        """The installation's keys; see `keyfile`."""
        return self.home / "secrets"

    @property
    def instances_key_file(self) -> Path:
        """The one key the spawner is told: the passwords of instances are derived from it."""
        return key_file(self.secrets_dir, "instances")

    @property
    def data_dir(self) -> Path:
        """Odoo's data folder: filestore and sessions."""
        return self.home / "odoo" / self.odoo_series

    @property
    def master_data_dir(self) -> Path:
        """The same of the master, which never shares a folder with tenants."""
        return self.home / "odoo" / "master"

    @property
    def log_dir(self) -> Path:
        return self.home / "log"

    @property
    def run_dir(self) -> Path:
        """Configuration and process ids of the servers we start."""
        return self.home / "run"

    @property
    def agent_socket(self) -> Path:
        """Where the back office asks for the engine, see `tenantry.agent`."""
        return self.run_dir / "agent" / "agent.sock"

    @property
    def private_dirs(self) -> tuple[Path, ...]:
        """Folders nobody else may enter."""
        return (self.secrets_dir, self.log_dir, self.run_dir, self.home / "odoo")

    @property
    def recipe_dir(self) -> Path:
        """The operator's own recipes; they win over the shipped ones."""
        return self.home / "recipes"


def _home(value: str | None) -> Path:
    return Path(value or ".tenantry").expanduser().absolute()


def _with_file(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, and what it leaves open as the file has it, which the master cannot read."""
    if environment.get("TENANTRY_INSIDE_MASTER"):
        return environment
    home = _home(environment.get("TENANTRY_HOME"))
    from_file = {_variable(key): value for key, value in _read_file(home / _FILE).items()}
    return from_file | {name: value for name, value in environment.items() if value}


def _read_file(file: Path) -> dict[str, str]:
    """Its keys are the variables' names, in lower case and without TENANTRY_. Raises InvalidSetting."""
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(str(file), str(error), "valid TOML") from error
    allowed = {field.name for field in fields(Settings)} - _NEVER_IN_FILE
    for key, value in data.items():
        if not isinstance(value, str | int) or key not in allowed:
            expected = f"a text or a number, for one of {', '.join(sorted(allowed))}"
            raise InvalidSetting(f"{key} in {file}", str(value), expected)
    return {key: str(value) for key, value in data.items()}


def _variable(key: str) -> str:
    return f"TENANTRY_{key.upper()}"


def _path(value: str | None) -> Path | None:
    return Path(value).expanduser().absolute() if value else None


def _paths(value: str | None) -> tuple[Path, ...]:
    return tuple(Path(part).expanduser().absolute() for part in (value or "").split(os.pathsep) if part)


def _words(value: str | None) -> frozenset[str]:
    return frozenset(word.strip().lower() for word in (value or "").split(",") if word.strip())


def _domain(value: str) -> str:
    """Instances' sockets are files named after it."""
    try:
        return hostname(f"x.{value}").removeprefix("x.")
    except InvalidValue as error:
        raise InvalidSetting("TENANTRY_BASE_DOMAIN", value, "a domain, such as cloud.example.com") from error


def _protocol(value: str) -> str:
    if value not in ("http", "https"):
        raise InvalidSetting("TENANTRY_PROTOCOL", value, "http or https")
    return value


def _number(name: str, value: str | None, default: int, most: int | None = None) -> int:
    if not value:
        return default
    if not value.isdigit() or (most is not None and not 0 < int(value) <= most):
        raise InvalidSetting(name, value, f"a whole number from 1 to {most}" if most else "a whole number")
    return int(value)
