"""Doctor: check everything that an installation needs, and give the remedy for what is missing (C1)."""

from __future__ import annotations

import platform
import shlex
import shutil
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tenantry import ports, process
from tenantry.control_plane import server
from tenantry.control_plane.code import master_packages
from tenantry.control_plane.server import MasterRuntime
from tenantry.edge.front import Front
from tenantry.errors import AgentLost, PortTaken, PostgresUnreachable, TenantryError
from tenantry.keyfile import has_keys, installation_keys, is_private, roles_key
from tenantry.model.names import LOCAL_SERVER
from tenantry.model.server import Check
from tenantry.odoo.finding.installation import find_odoo
from tenantry.odoo.finding.tested import REMEDY, untested
from tenantry.postgres import databases, ownership, roles
from tenantry.postgres.binaries import find_binaries
from tenantry.postgres.cluster import Cluster, Connection
from tenantry.postgres.embedded import EmbeddedCluster
from tenantry.postgres.ownership import Owner
from tenantry.railway.account import Account
from tenantry.runtimes import tenant_server
from tenantry.runtimes.contract import ServerRuntime
from tenantry.runtimes.kinds import kind_of
from tenantry.settings import RAILWAY, ServerSettings

_NEEDED_FREE_BYTES = 3 * 2**30
_FEW_CONNECTIONS = 200
_LOCAL_MAIL_SERVER = ("127.0.0.1", 25)
_PRINTER = "wkhtmltopdf"
_PROGRAMS = (
    ("setpriv", "Install util-linux.", "no program can be run as another user"),
    ("gcc", "Install gcc.", "Odoo's Python packages may not install"),
    (_PRINTER, f"Install {_PRINTER} (0.12.6 with patched Qt).", "invoices and reports cannot be PDF files"),
    ("rtlcss", "npm install --global rtlcss", "Arabic, Hebrew and Persian are not mirrored"),
)
"""A program's name, how to install it, and what does not work without it."""
_CONNECTIONS_OF_ONE_AWAKE = 3
"""An awake instance usually has these connections open: a request, a scheduled job, the bus."""


@dataclass(frozen=True)
class Finding:
    """The result of one check. needed: the installation does not work without it."""

    subject: str
    ok: bool
    detail: str
    remedy: str = ""
    needed: bool = True


def examine(settings: ServerSettings) -> list[Finding]:
    """Run all checks, without changing or downloading anything."""
    return _of_railway(settings) if settings.runtime == RAILWAY else _of_machine(settings)


def _of_railway(settings: ServerSettings) -> list[Finding]:
    """A server whose instances run on Railway needs nothing of this machine but the token."""
    secrets = settings.installation.secrets_dir
    return [
        _checked("Python", True, _python),
        _checked("Railway", True, lambda: _railway(settings)),
        _private("Keys", secrets, secrets.iterdir() if secrets.exists() else ()),
    ]


def _railway(settings: ServerSettings) -> str:
    """Check the token, the network and the workspace."""
    account = Account.of(settings)
    return f"the token opens the workspace {account.workspace_name} ({account.workspace})"


def _of_machine(settings: ServerSettings) -> list[Finding]:
    return [
        _checked("Python", True, _python),
        *_odoo(settings),
        _checked("PostgreSQL", True, lambda: _postgres(settings)),
        _checked("Cluster", bool(settings.pg_dsn), lambda: _cluster(settings)),
        *_limits_of_cluster(settings),
        _checked("Tenant server", False, lambda: _tenant_server(settings)),
        *_isolation(settings),
        *_needs_of_runtime(settings),
        *(_master_findings(settings) if settings.name == LOCAL_SERVER else ()),
        *(_other_server(settings, name) for name in settings.others()),
        _private("Keys", settings.installation.secrets_dir, settings.installation.secrets_dir.glob("*.key")),
        _private("Logs", settings.log_dir, needed=False),
        _private("Configuration", settings.run_dir, needed=False),
        _disk(settings),
        _mail_server(),
        *(_program(*facts) for facts in _PROGRAMS),
    ]


def _checked(subject: str, needed: bool, check: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, True, check(), needed=needed)
    except TenantryError as error:
        return Finding(subject, False, str(error), error.remedy, needed)


def _python() -> str:
    return f"{platform.python_version()}, {sys.executable}"


def _odoo(settings: ServerSettings) -> list[Finding]:
    try:
        found = find_odoo(settings, _ignore, install=False)
    except TenantryError as error:
        return [Finding("Odoo", False, str(error), error.remedy)]
    warning = untested(found.series, found.version)
    detail = warning or f"{found.version} was tested with this Tenantry"
    return [
        Finding("Odoo", True, f"{found.version}: {found.reason}"),
        Finding("Odoo's version", not warning, detail, REMEDY, needed=False),
    ]


def _postgres(settings: ServerSettings) -> str:
    if settings.pg_dsn:
        return "given by TENANTRY_PG_DSN"
    found = find_binaries(settings, _ignore, install=False)
    return f"{found.version}: {found.reason}, {found.folder}"


def _cluster(settings: ServerSettings) -> str:
    cluster = _cluster_of(settings)
    with cluster.connect() as connection:
        roles.check_rights(connection)
        if settings.pg_dsn:
            ownership.require(cluster, connection, _owner(settings))
        version = connection.info.server_version // 10000
    return f"PostgreSQL {version} answers at {cluster.address}"


def _owner(settings: ServerSettings) -> Owner:
    return Owner(settings.name, roles_key(settings.installation.secrets_dir))


def _cluster_of(settings: ServerSettings) -> Cluster:
    if settings.pg_dsn:
        return Cluster.from_dsn(settings.pg_dsn)
    if not has_keys(settings.installation.secrets_dir):
        raise PostgresUnreachable(str(settings.home), "it was never started")
    binaries = find_binaries(settings, _ignore, install=False)
    roles_key = installation_keys(settings.installation.secrets_dir).roles
    return EmbeddedCluster.of(settings, binaries, roles_key).cluster()


def _limits_of_cluster(settings: ServerSettings) -> list[Finding]:
    """Checks of a running cluster; none if it does not run, which another check reports."""
    try:
        with _cluster_of(settings).connect() as connection:
            return [_connections(connection), _collation(connection)]
    except TenantryError:
        return []


def _connections(connection: Connection) -> Finding:
    row = connection.execute("SHOW max_connections").fetchone()
    allowed = int(row[0]) if row else 0
    awake = allowed // _CONNECTIONS_OF_ONE_AWAKE
    return Finding(
        "Connections",
        allowed >= _FEW_CONNECTIONS,
        f"max_connections is {allowed}, enough for {awake} instances that are awake",
        "Set max_connections to 600 or more in postgresql.conf, and restart PostgreSQL.",
        needed=False,
    )


def _collation(connection: Connection) -> Finding:
    sorting = databases.with_wrong_collation(connection)
    return Finding(
        "Collation",
        not sorting,
        f"not by code point: {', '.join(sorting)}" if sorting else "every database sorts by code point",
        "Make `tenantry_base` as docs/howto/given-postgresql.md says, then rebuild these templates.",
        needed=False,
    )


def _runtime(settings: ServerSettings) -> ServerRuntime:
    keys = installation_keys(settings.installation.secrets_dir)
    return kind_of(settings)(settings, keys, Front(settings))


def _tenant_server(settings: ServerSettings) -> str:
    taken = partial(_require_free, settings, "The tenant server", "TENANTRY_HTTP_PORT")
    if not has_keys(settings.installation.secrets_dir):
        taken(settings.http_port or tenant_server.USUAL_PORT)
        return "never started; `tenantry up` does"
    runtime = _runtime(settings)
    port = runtime.port
    if not runtime.is_answering():
        if runtime.pid is None:
            taken(port)
        return f"not running; `tenantry up` starts it on port {port}"
    return f"answers on port {port}, process {runtime.pid}"


def _isolation(settings: ServerSettings) -> list[Finding]:
    """One finding for each protection between tenants; docs/isolation.md describes them."""
    if not has_keys(settings.installation.secrets_dir):
        return []
    try:
        found = _runtime(settings).protections()
    except TenantryError:
        return []
    remedy = "See docs/isolation.md for what is possible without it, and how to enable it."
    return [
        Finding(f"Isolation: {name}", not reason, reason or "in force", remedy, needed=False)
        for name, reason in found.items()
    ]


def _needs_of_runtime(settings: ServerSettings) -> list[Finding]:
    if not has_keys(settings.installation.secrets_dir):
        return []
    try:
        checks = _runtime(settings).checks()
    except TenantryError:
        return []
    return [_found(check) for check in checks]


def _found(check: Check) -> Finding:
    """Not needed: `tenantry up` mends some of it, such as a firewall or an image that is not there yet."""
    if check.fault:
        return Finding(check.subject, False, str(check.fault), check.fault.remedy, needed=False)
    return Finding(check.subject, True, check.detail, needed=False)


def _other_server(settings: ServerSettings, name: str) -> Finding:
    """Check another server of the installation in short; `tenantry --server NAME doctor` checks all of it."""
    return _checked(f"Server {name}", False, lambda: _server_of(settings.other(name)))


def _server_of(settings: ServerSettings) -> str:
    if settings.runtime == RAILWAY:
        return _railway(settings)
    if settings.pg_dsn:
        _cluster(settings)
    return _tenant_server(settings)


def _master_findings(settings: ServerSettings) -> list[Finding]:
    return [
        _checked("Master's packages", False, lambda: _master_packages(settings)),
        _checked("Master", False, lambda: _master(settings)),
    ]


def _master_packages(settings: ServerSettings) -> str:
    odoo = find_odoo(settings, _ignore, install=False)
    return str(master_packages(settings, odoo, _ignore, install=False))


def _require_free(settings: ServerSettings, name: str, variable: str, port: int) -> None:
    """Raises PortTaken when another program has the port of a server that does not run."""
    if ports.is_taken(port, settings.http_interface):
        raise PortTaken(name, port, "EADDRINUSE", variable, ports.holder(port))


def _master(settings: ServerSettings) -> str:
    taken = partial(_require_free, settings, "The master", "TENANTRY_MASTER_PORT")
    if not has_keys(settings.installation.secrets_dir):
        taken(settings.installation.master_port or server.USUAL_PORT)
        return "never started; `tenantry up` does"
    runtime = MasterRuntime(settings, installation_keys(settings.installation.secrets_dir))
    url = runtime.route.url
    if not runtime.is_answering():
        if runtime.pid is None:
            taken(runtime.route.upstream.port)
        return f"not running; `tenantry up` starts it at {url}"
    if runtime.agent and runtime.agent.pid is None:
        raise AgentLost("it does not run")
    return f"answers at {url}, process {runtime.pid}"


def _private(subject: str, folder: Path, files: Iterable[Path] = (), *, needed: bool = True) -> Finding:
    """X5: check that other users cannot read keys, which give access to everything, or logs and settings."""
    opened = [path for path in (folder, *sorted(files)) if not is_private(path)]
    if not opened:
        return Finding(subject, True, f"private, {folder}", needed=needed)
    detail = f"others have rights to {', '.join(str(path) for path in opened)}"
    return Finding(subject, False, detail, f"chmod -R go= {shlex.quote(str(folder))}", needed)


def _disk(settings: ServerSettings) -> Finding:
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    detail = f"{free // 2**30} GB free for {settings.home}"
    return Finding("Disk", free > _NEEDED_FREE_BYTES, detail, "Free at least 3 GB.")


def _program(name: str, install: str, without: str) -> Finding:
    path = shutil.which(name)
    if path and name == _PRINTER and not _is_patched(path):
        bare = f"{path} has no patched Qt: invoices and reports have neither header nor footer"
        return Finding(name, False, bare, install, needed=False)
    return Finding(name, bool(path), path or f"not found: {without}", install, needed=name == "setpriv")


def _is_patched(printer: str) -> bool:
    try:
        return "patched qt" in process.run([printer, "--version"], timeout_s=10).lower()
    except TenantryError:
        return False


def _mail_server() -> Finding:
    """Check for a mail server on this machine: a tenant's administrator may enter its address in Odoo."""
    try:
        socket.create_connection(_LOCAL_MAIL_SERVER, timeout=1).close()
    except OSError:
        return Finding("Mail", True, "no mail server listens on this machine", needed=False)
    return Finding(
        "Mail",
        False,
        "a mail server listens on localhost: every tenant can send through it, with any sender it allows",
        "Let it require a login on port 25 of 127.0.0.1, too (Postfix: remove it from `mynetworks`).",
        needed=False,
    )


def _ignore(line: str) -> None:
    """Ignore reports: each finding has its own text."""
