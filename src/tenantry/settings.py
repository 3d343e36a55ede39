"""The operator's settings of an installation and of its servers. Each setting is defined once, below.

They are read from the environment and from `settings.toml`, and are immutable then.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import platformdirs
import tomlkit
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
)

from tenantry.errors import InvalidSetting, InvalidValue, ServerNotFound
from tenantry.home import usable_home
from tenantry.keyfile import is_private, key_file, write_private
from tenantry.model.limits import MAX_THREADS
from tenantry.model.names import LOCAL_SERVER, RESERVED_NAMES, hostname, server_name
from tenantry.model.secret import Secret
from tenantry.model.series import series
from tenantry.ports import MAX_PORT

SHARED, DOCKER, RAILWAY = "shared", "docker", "railway"
"""The kinds of runtimes, see `runtimes.kinds`."""
_FILE = "settings.toml"
_SERVERS = "servers"


def _path(value: object) -> object:
    return Path(value).expanduser().absolute() if isinstance(value, str) else value


def _paths(value: object) -> object:
    return tuple(filter(None, value.split(os.pathsep))) if isinstance(value, str) else value


def _domain(value: str) -> str:
    """Check the base domain, which is part of the file names of instances' sockets."""
    try:
        return hostname(f"x.{value}").removeprefix("x.")
    except InvalidValue as error:
        raise ValueError("a domain, such as cloud.example.com") from error


def _protocol(value: str) -> str:
    if value not in ("http", "https"):
        raise ValueError("http or https")
    return value


def _store(value: str) -> str:
    """A folder's path as an absolute one: commands are called in different folders."""
    return value if "://" in value or not value else str(Path(value).expanduser().absolute())


def _network(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError:
        network = None
    if network is None or not network.is_private or network.prefixlen > 28:
        raise ValueError("a private network, such as 10.213.0.0/16")
    return str(network)


def _engine_address(value: str) -> str:
    if value and not re.fullmatch(r"unix:///.+|tcp://[^/:@\s]+:[0-9]{1,5}", value):
        raise ValueError("an address such as unix:///var/run/docker.sock or tcp://localhost:2376")
    return value


def _web_address(value: str) -> str:
    """Check that a token does not travel in the clear, except on this machine."""
    if not re.fullmatch(r"https://[^\s@]+|http://127\.0\.0\.1(:\d+)?(/\S*)?", value):
        raise ValueError("an address that begins with https://")
    return value


def _whole(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("a whole number")
    return value


def _names(value: object) -> object:
    """Add names to those that are always reserved."""
    given = value.split(",") if isinstance(value, str) else value
    assert isinstance(given, list | tuple | set | frozenset)
    return RESERVED_NAMES | {name.strip().lower() for name in given if name.strip()}


def _secret(value: object) -> object:
    return Secret(value) if isinstance(value, str) else value


def _variable_of(pack: Callable[[Any], str]) -> PlainSerializer:
    """Serialize a setting for the environment; "" when it is not set."""
    return PlainSerializer(lambda value: pack(value) if value else "", return_type=str)


AbsolutePath = Annotated[Path, BeforeValidator(_path), _variable_of(str)]
Paths = Annotated[
    tuple[AbsolutePath, ...], BeforeValidator(_paths), _variable_of(lambda it: os.pathsep.join(map(str, it)))
]
Whole = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
Port = Annotated[Whole, Field(le=MAX_PORT), _variable_of(str)]
"""0: keep the previous port, see `ports`."""
Seconds = Annotated[
    float, BeforeValidator(_whole), Field(ge=0), PlainSerializer(lambda seconds: f"{seconds:.0f}")
]
Names = Annotated[
    frozenset[str],
    BeforeValidator(_names),
    PlainSerializer(lambda names: ",".join(sorted(names - RESERVED_NAMES))),
]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @classmethod
    def of(cls, given: Mapping[str, Any], where: str = "", **more: Any) -> Self:
        """Make the settings of this class from `given`, ignoring others. Raises InvalidSetting.

        where: the table of the settings, for the error; "": environment variables. more: fields that are no
        settings.
        """
        mine = {name: value for name, value in given.items() if name in cls.model_fields}
        try:
            return cls(**mine | more)
        except ValidationError as error:
            fault = error.errors()[0]
            expected = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            name = str(fault["loc"][0])
            value = "***" if name == "pg_dsn" else str(fault["input"])
            raise InvalidSetting(f"{name} in {where}" if where else variable(name), value, expected) from None

    def replaced(self, **changes: Any) -> Self:
        """A copy with changed settings. Raises InvalidSetting."""
        return self.of(vars(self) | changes)


class Installation(_Settings):
    """The settings of the back office, and those that all servers share.

    home: the state of this installation: its keys, and the files of the master and of the local server.
    cache: downloads and the unpacked Odoo, shared by a user's installations.
    master_workers: 0: threaded mode.
    init_timeout_s: for each run of Odoo that installs modules.
    inside_master: this is the back office's process, which uses servers but cannot start them.
    """

    home: AbsolutePath
    cache: AbsolutePath
    master_port: Port = 0
    master_workers: Whole = 0
    init_timeout_s: Seconds = 1800
    reserved_names: Names = RESERVED_NAMES
    inside_master: Annotated[bool, _variable_of(lambda _is_inside: "1")] = False

    @property
    def file(self) -> Path:
        """The settings made in the back office or by hand. Environment variables override them."""
        return self.home / _FILE

    @property
    def secrets_dir(self) -> Path:
        """The installation's keys; see `keyfile`."""
        return self.home / "secrets"

    @property
    def instances_key_file(self) -> Path:
        """The only key that the spawner gets: the passwords of instances are derived from it."""
        return key_file(self.secrets_dir, "instances")

    @property
    def master_data_dir(self) -> Path:
        """The data folder of the master's Odoo; tenants have another one."""
        return self.home / "odoo" / "master"

    @property
    def recipe_dir(self) -> Path:
        """The operator's own recipes; they override the shipped ones."""
        return self.home / "recipes"

    @property
    def run_dir(self) -> Path:
        """Configuration and process ids of the programs we start."""
        return self.home / "run"

    @property
    def ssh_config(self) -> Path:
        """An optional configuration of ssh for servers on other machines: keys, ports, known hosts."""
        return self.home / "ssh_config"

    @property
    def agent_socket(self) -> Path:
        """The socket through which the back office calls the engine, see `tenantry.agent`."""
        return self.run_dir / "agent" / "agent.sock"


class ServerSettings(_Settings):
    """The settings of one server: a cluster, files, and an Odoo of one series for one domain's tenants.

    Usually made by `ServerSettings.from_environment()`.

    name: `local`: the installation's own server; others are tables of `settings.toml`.
    pg_dsn: a cluster to use instead of the embedded one; its role needs CREATEDB and CREATEROLE.
    runtime: how instances run: a name of `runtimes.kinds`.
    protocol: of customers' addresses; `https` needs a proxy in front of the server.
    http_interface: the interface on which the front and the master listen.
    http_port: the front's port.
    sleep_after_s: how long there must be no request before a tenant's process ends.
    tenant_threads, tenant_memory_mb: limits of a tenant's process: requests at the same time, address space;
    of a container its memory.
    kept_days: how long the data from before a restore is kept; 0: until somebody confirms the restore.
    docker_host: the address of the Docker engine, for the runtime `docker`; "": the engine's usual socket.
    docker_certs: the folder of ca.pem, cert.pem and key.pem, for an engine at a network address.
    image: an Odoo image, best with its digest; "": the official one of the series.
    container_networks: the private addresses of which each container's network gets a few.
    railway_workspace: the id or the name of a workspace; "": the only one of the token.
    railway_postgres: the image of the databases there.
    railway_url: the address of Railway's API; others are for tests.
    """

    installation: Installation
    name: str = LOCAL_SERVER
    runtime: str = SHARED
    pg_dsn: Annotated[Secret | None, BeforeValidator(_secret), _variable_of(Secret.reveal)] = None
    pg_bin: Annotated[AbsolutePath | None, _variable_of(str)] = None
    odoo_source: Annotated[AbsolutePath | None, _variable_of(str)] = None
    odoo_series: Annotated[str, AfterValidator(series)] = "19.0"
    addons_path: Paths = ()
    base_domain: Annotated[str, AfterValidator(_domain)] = "localhost"
    protocol: Annotated[str, AfterValidator(_protocol)] = "http"
    http_interface: str = "127.0.0.1"
    http_port: Port = 0
    sleep_after_s: Whole = 300
    tenant_threads: Annotated[Whole, Field(ge=1, le=MAX_THREADS)] = 8
    tenant_memory_mb: Annotated[Whole, Field(ge=1)] = 2048
    probe_timeout_s: Seconds = 30
    cron_jitter_s: Whole = 3600
    pool_size: Whole = 2
    kept_days: Whole = 7
    docker_host: Annotated[str, AfterValidator(_engine_address)] = ""
    docker_certs: Annotated[AbsolutePath | None, _variable_of(str)] = None
    image: str = ""
    container_networks: Annotated[str, AfterValidator(_network)] = "10.213.0.0/16"
    final_backup_days: Whole = 30
    backup_store: Annotated[str, AfterValidator(_store)] = ""
    railway_workspace: str = ""
    railway_postgres: str = "postgres:17"
    railway_url: Annotated[str, AfterValidator(_web_address)] = "https://backboard.railway.com/graphql/v2"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, name: str = "") -> ServerSettings:
        """Read `settings.toml` and the environment, which overrides the file, except for other servers.

        name: the server; "": the one in TENANTRY_SERVER, else the local server.
        Raises InvalidSetting, UnsupportedSeries, ServerNotFound; InstallationNotFound if somebody else's
        folder is where the installation would be.
        """
        environment = os.environ if environment is None else environment
        variables = ((setting, environment.get(variable(setting))) for setting in _SETTINGS)
        given = {setting: value for setting, value in variables if value}
        given.pop("home", None)
        home = usable_home(environment).folder
        cache = Path(given.pop("cache", platformdirs.user_cache_dir("tenantry")))
        name = name or environment.get("TENANTRY_SERVER") or LOCAL_SERVER
        # The master may be unable to read the file; its environment has all settings of the local server.
        is_complete = bool(given.get("inside_master")) and name == LOCAL_SERVER
        in_file = {} if is_complete else _read(home / _FILE)
        own = cls.at(home, cache, **in_file | given)
        return own if name == LOCAL_SERVER else own.other(name)

    @classmethod
    def at(cls, home: Path, cache: Path, **settings: Any) -> ServerSettings:
        """The settings of the local server of an installation in the folder `home`. Raises InvalidSetting."""
        return cls.of(settings, installation=Installation.of(settings, home=home, cache=cache))

    def replaced(self, **changes: Any) -> ServerSettings:
        """A copy with changed settings of the server or of its installation. Raises InvalidSetting."""
        installation = self.installation.replaced(**changes)
        return ServerSettings.of(vars(self) | changes, installation=installation, name=self.name)

    def others(self) -> list[str]:
        """The names of the installation's other servers, if this is the local server; else none.

        Raises InvalidSetting when the file cannot be read.
        """
        return sorted(_read(self.installation.file)[_SERVERS]) if self.name == LOCAL_SERVER else []

    def other(self, name: str) -> ServerSettings:
        """The settings of one other server. Raises ServerNotFound, InvalidSetting, UnsupportedSeries."""
        file = self.installation.file
        servers = _read(file)[_SERVERS]
        if name not in servers:
            raise ServerNotFound(name, [LOCAL_SERVER, *servers])
        given = _checked_table(name, servers[name], file)
        return ServerSettings.of(given, f"[{_SERVERS}.{name}]", installation=self.installation, name=name)

    def to_environment(self) -> dict[str, str]:
        """The environment variables of these settings. The DSN among them is a secret."""
        values = self.installation.model_dump() | self.model_dump(exclude={"installation", "name"})
        return {variable(name): str(value) for name, value in values.items()}

    def save(self, **changes: str) -> None:
        """Write settings of the local server into the file, for the next start. Raises InvalidSetting."""
        file = self.installation.file
        document = tomlkit.parse(file.read_text(encoding="utf-8")) if file.exists() else tomlkit.document()
        for name, value in changes.items():
            ServerSettings.of({name: value}, installation=self.installation)
            document[name] = value
        write_private(file, tomlkit.dumps(document))

    @property
    def home(self) -> Path:
        """The folder of the server's state."""
        if self.name == LOCAL_SERVER:
            return self.installation.home
        return self.installation.home / _SERVERS / self.name

    @property
    def is_public(self) -> bool:
        """Whether a proxy leads to the servers of this installation, at ports that it knows."""
        return self.protocol == "https" or self.base_domain != "localhost"

    @property
    def connect_to(self) -> str:
        """The address to connect to servers that listen on `http_interface`."""
        return "127.0.0.1" if self.http_interface == "0.0.0.0" else self.http_interface

    @property
    def data_dir(self) -> Path:
        """Odoo's data folder: filestore and sessions."""
        return self.home / "odoo" / self.odoo_series

    @property
    def backups_url(self) -> str:
        """The store of its backups."""
        return self.backup_store or str(self.home / "backups")

    @property
    def log_dir(self) -> Path:
        return self.home / "log"

    @property
    def run_dir(self) -> Path:
        """Configuration and process ids of the programs we start."""
        return self.home / "run"

    @property
    def private_dirs(self) -> tuple[Path, ...]:
        """Folders that only their owner may enter."""
        return (self.installation.secrets_dir, self.log_dir, self.run_dir, self.home / "odoo")


_SERVER_SETTINGS = ServerSettings.model_fields.keys() - {"installation", "name"}
_SETTINGS = Installation.model_fields.keys() | _SERVER_SETTINGS
_NEVER_IN_FILE = {"home", "cache", "pg_dsn", "odoo_source", "inside_master"}
"""These are set in the environment only."""


def variable(setting: str) -> str:
    """The environment variable of a setting."""
    return "ODOO_SOURCE" if setting == "odoo_source" else f"TENANTRY_{setting.upper()}"


def _read(file: Path) -> dict[str, Any]:
    """The settings in a file: the installation's, the local server's, and the tables of other servers.

    Raises InvalidSetting, but not for the tables: they are checked when they are used.
    """
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {_SERVERS: {}}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(str(file), str(error), "valid TOML") from error
    servers = found.pop(_SERVERS, {})
    if not isinstance(servers, dict):
        raise InvalidSetting(f"{_SERVERS} in {file}", "***", f"tables, such as [{_SERVERS}.second]")
    return {**_checked(found, _SETTINGS - _NEVER_IN_FILE, str(file)), _SERVERS: servers}


def _checked_table(name: str, given: object, file: Path) -> dict[str, str]:
    try:
        server_name(name)
    except InvalidValue as error:
        expected = "a name of a-z, 0-9 and dashes, other than local"
        raise InvalidSetting(f"[{_SERVERS}.{name}] in {file}", name, expected) from error
    if not isinstance(given, dict):
        raise InvalidSetting(f"{name} in {file}", "***", f"a table, [{_SERVERS}.{name}]")
    if "pg_dsn" in given and not is_private(file):
        raise InvalidSetting(
            f"pg_dsn of {name} in {file}", "***", "a value in a private file: run chmod go= on it"
        )
    return _checked(given, _SERVER_SETTINGS, f"[{_SERVERS}.{name}] of {file}")


def _checked(given: dict[str, Any], allowed: set[str], where: str) -> dict[str, str]:
    """Check settings of a file; an empty one is not set. Errors do not show values, which may be secrets."""
    for key, value in given.items():
        if not isinstance(value, str | int) or isinstance(value, bool) or key not in allowed:
            expected = f"a text or a number, for one of {', '.join(sorted(allowed))}"
            raise InvalidSetting(f"{key} in {where}", "***", expected)
    return {key: str(value) for key, value in given.items() if value != ""}
