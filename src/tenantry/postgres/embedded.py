"""The embedded cluster: created, started and stopped without root, a package or a service.

PostgreSQL refuses to run as root. Where we are root, it runs as `postgres` or `nobody`, in a folder that this
user can enter.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pwd
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import psutil
from psycopg import sql

from tenantry import process
from tenantry.errors import PostgresUnreachable, ServerNotStarted, TenantryError
from tenantry.model.catalog import Database, Kind, State
from tenantry.model.keys import infrastructure_password
from tenantry.model.names import DUMP_ROLE, ENGINE_ROLE, MASTER_BUILDING, MASTER_DATABASE, SUPERUSER
from tenantry.model.secret import Secret
from tenantry.ports import choose_port
from tenantry.postgres import databases, roles
from tenantry.postgres.binaries import Binaries
from tenantry.postgres.cluster import Cluster, Connection, translated
from tenantry.postgres.databases import BASE
from tenantry.settings import DOCKER, ServerSettings

_logger = logging.getLogger(__name__)

_READY = "tenantry.ready"
_START_TIMEOUT_S = 60

# CONNECT privileges decide which databases the engine, the templates' owner and pg_dump reach. Every other
# role reaches only the database of its own name. The spawner and the master's bus listen in `postgres`.
ACCESS_RULES = f"""\
# TYPE  DATABASE  USER  ADDRESS  METHOD
host  all       postgres,tenantry_engine,tenantry_template,{DUMP_ROLE}  127.0.0.1/32  scram-sha-256
host  postgres  tenantry_spawner,{MASTER_DATABASE}  127.0.0.1/32  scram-sha-256
host  {MASTER_BUILDING}  {MASTER_DATABASE}  127.0.0.1/32  scram-sha-256
host  sameuser  all                                         127.0.0.1/32  scram-sha-256
local sameuser  all                                                       scram-sha-256
"""


@dataclass(frozen=True)
class EmbeddedCluster:
    """The cluster in the folder `data`. user: the operating system's user that runs it; None: our own.

    has_socket: it also listens on a UNIX socket, in a folder that can be mounted into containers.
    """

    binaries: Binaries
    data: Path
    log: Path
    roles_key: Secret
    user: str | None
    has_socket: bool = False

    @classmethod
    def of(cls, settings: ServerSettings, binaries: Binaries, roles_key: Secret) -> EmbeddedCluster:
        """The cluster of this server, whether or not it exists yet."""
        user = _unprivileged_user() if os.geteuid() == 0 else None
        root = _reachable_folder(settings, user)
        if user and not _can_reach(user, binaries.folder):
            binaries = _copy_binaries(binaries, root)
        data, log = root / f"data-{binaries.version}", root / "postgresql.log"
        return cls(binaries, data, log, roles_key, user, has_socket=settings.runtime == DOCKER)

    def start(self, report: Callable[[str], None]) -> Cluster:
        """Create and start the cluster where necessary; return it with the engine's role."""
        self._initialise(report)
        self._update_access_rules()
        if not self.is_running():
            report("PostgreSQL: starting the cluster")
            self._start()
        cluster = self.cluster()
        digest = _digest(_script("base") + _script("dump"))
        if _text_of(self.data / _READY) != digest:
            self._prepare()
            self._write(self.data / _READY, digest)
        return cluster

    def stop(self) -> bool:
        """Stop the cluster; return whether it was running."""
        if not self.is_running():
            return False
        self._run([self._program("pg_ctl"), "-D", self.data, "-m", "fast", "-w", "stop"])
        return True

    def is_running(self) -> bool:
        pid = self._postmaster_pid()
        return bool(pid) and process.is_running(pid, marker=str(self.data))

    def cluster(self) -> Cluster:
        """The running cluster with the engine's role. Raises PostgresUnreachable."""
        return self._as(ENGINE_ROLE)

    def _as(self, role: str) -> Cluster:
        parameters = {"host": "127.0.0.1", "port": str(self._port()), "user": role}
        sockets = self._sockets if self.has_socket else None
        return Cluster(parameters, infrastructure_password(self.roles_key, role), self.log, sockets)

    def _initialise(self, report: Callable[[str], None]) -> None:
        """Run initdb under a temporary name, then rename: after a kill there is no half-made cluster."""
        if (self.data / "PG_VERSION").exists():
            return
        report(f"PostgreSQL: making a cluster in {self.data}")
        partial = self.data.with_name(f"{self.data.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        password = infrastructure_password(self.roles_key, SUPERUSER).reveal()
        with tempfile.NamedTemporaryFile("w", dir=self.data.parent) as file:
            file.write(password)
            file.flush()
            if self.user:
                shutil.chown(file.name, self.user)
            self._run(
                [self._program("initdb"), "-D", partial, "-U", SUPERUSER, f"--pwfile={file.name}"]
                + ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums"],
                timeout_s=120,
            )
        self._write(partial / "pg_hba.conf", ACCESS_RULES)
        self._write(partial / "postgresql.auto.conf", self._configuration())
        partial.rename(self.data)

    def _update_access_rules(self) -> None:
        """Rewrite pg_hba.conf where an older version wrote it."""
        rules = self.data / "pg_hba.conf"
        if rules.read_text() == ACCESS_RULES:
            return
        partial = rules.with_name("pg_hba.conf.partial")
        self._write(partial, ACCESS_RULES)
        partial.rename(rules)
        if self.is_running():
            self._run([self._program("pg_ctl"), "-D", self.data, "reload"])

    def _configuration(self) -> str:
        """Listen on loopback only; use the memory that a machine which also runs Odoo can spare.

        Autovacuum starts one worker for each database in each naptime. With a thousand databases and
        PostgreSQL's default of one minute that takes 8 % of a core.
        """
        memory_mb = psutil.virtual_memory().total // 2**20
        return "\n".join(
            [
                "listen_addresses = '127.0.0.1'",
                "unix_socket_directories = ''",
                "max_connections = 600",
                f"shared_buffers = {min(max(memory_mb // 8, 64), 2048)}MB",
                f"effective_cache_size = {max(memory_mb // 2, 256)}MB",
                "maintenance_work_mem = 128MB",
                "max_wal_size = 4GB",
                "checkpoint_timeout = 15min",
                "random_page_cost = 1.1",
                "autovacuum_naptime = 5min",
                "jit = off",
                "logging_collector = off",
                "",
            ]
        )

    def _start(self) -> None:
        """Start on the same port as last time: programs that are running know that port only."""
        known = self._port_file()
        port = choose_port("PostgreSQL", before=_number_in(known))
        self._write(known, str(port))
        options = f"-p {port}"
        if self.has_socket:
            self._make_sockets_folder()
            # Relative to the data folder: the path of a socket has 107 bytes.
            options += f" -c unix_socket_directories=../{self._sockets.name}"
        try:
            self._run(
                [self._program("pg_ctl"), "-D", self.data, "-l", self.log, "-o", options]
                + ["-t", str(_START_TIMEOUT_S), "-w", "start"],
                timeout_s=_START_TIMEOUT_S + 10,
            )
        except TenantryError as error:
            reason = process.last_lines(process.tail(self.log), 1) or str(error)
            raise ServerNotStarted("PostgreSQL", reason, self.log) from error

    def _prepare(self) -> None:
        """Create the engine's role, which is no superuser; create or replace the base of all templates."""
        password = infrastructure_password(self.roles_key, ENGINE_ROLE)
        superuser = self._as(SUPERUSER)
        with superuser.connect() as connection, translated(connection, "prepare the cluster"):
            roles.create(connection, ENGINE_ROLE, password)
            engine = sql.Identifier(ENGINE_ROLE)
            connection.execute(sql.SQL("ALTER ROLE {} CREATEDB CREATEROLE").format(engine))
            with self._as(ENGINE_ROLE).connect() as as_engine:
                roles.create(as_engine, DUMP_ROLE)
            for database in ("postgres", "template1"):
                name = sql.Identifier(database)
                connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE postgres TO {} WITH GRANT OPTION").format(engine)
            )
            for suffix in ("_partial", "_old"):
                left = sql.Identifier(BASE + suffix)
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(left))
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(BASE + "_partial"))
            )
        with superuser.connect(BASE + "_partial") as connection, translated(connection, "harden the base"):
            connection.execute((_script("base") + _script("dump")).encode())
        with superuser.connect() as connection, translated(connection, "prepare the cluster"):
            self._swap_base(connection)
            for found in databases.listing(connection):
                if found.is_whole:
                    self._grant_dump(connection, found)

    def _grant_dump(self, connection: Connection, database: Database) -> None:
        """Run `dump.sql` in a database that was copied from an older base."""
        label, name = database.label, sql.Identifier(database.name)
        is_frozen = bool(label and label.kind is Kind.TEMPLATE and label.state is State.READY)
        alter = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        if is_frozen:
            connection.execute(alter.format(name, sql.SQL("true")))
        with self._as(SUPERUSER).connect(database.name) as inside:
            inside.execute(_script("dump").encode())
        if is_frozen:
            connection.execute(alter.format(name, sql.SQL("false")))

    def _swap_base(self, connection: Connection) -> None:
        """Replace the base in one transaction: a build that runs meanwhile finds the old or the new one."""
        partial, base, old = (sql.Identifier(BASE + suffix) for suffix in ("_partial", "", "_old"))
        known = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        with connection.transaction():
            if BASE in known:
                connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(base))
                connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(base, old))
            connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(partial, base))
            connection.execute(
                sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(base)
            )
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(old))

    @property
    def _sockets(self) -> Path:
        return self.data.with_name("sockets")

    def _make_sockets_folder(self) -> None:
        self._sockets.mkdir(exist_ok=True)
        self._sockets.chmod(0o755)
        if self.user:
            shutil.chown(self._sockets, self.user)

    def _port_file(self) -> Path:
        return self.data.with_name("port")

    def _port(self) -> int:
        lines = self._pid_file()
        if len(lines) < 4:
            raise PostgresUnreachable(str(self.data), "it is not running")
        return int(lines[3])

    def _postmaster_pid(self) -> int:
        lines = self._pid_file()
        return int(lines[0]) if lines and lines[0].isdigit() else 0

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().split("\n")
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _program(self, name: str) -> Path:
        return self.binaries.program(name)

    def _run(self, arguments: Sequence[object], timeout_s: float = 60) -> None:
        log = self.log.with_name("pg_ctl.log")
        process.run(arguments, timeout_s=timeout_s, user=self.user, log=log)

    def _write(self, file: Path, text: str) -> None:
        file.write_text(text)
        if self.user:
            shutil.chown(file, self.user)


def _script(name: str) -> str:
    return (resources.files(__package__) / f"{name}.sql").read_text(encoding="utf-8")


def _text_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _number_in(file: Path) -> int:
    text = _text_of(file)
    return int(text) if text.isdigit() else 0


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _unprivileged_user() -> str:
    for name in (SUPERUSER, "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise ServerNotStarted("PostgreSQL", "root may not run it and there is no user for it", Path("-"))


def _reachable_folder(settings: ServerSettings, user: str | None) -> Path:
    """The cluster's folder: in TENANTRY_HOME, unless the user that runs PostgreSQL cannot enter it."""
    folder = settings.home / "postgresql"
    if user and not _can_reach(user, settings.home):
        digest = hashlib.sha256(str(settings.home).encode()).hexdigest()[:12]
        folder = Path("/var/lib/tenantry") / digest
    folder.mkdir(parents=True, exist_ok=True)
    if user:
        shutil.chown(folder, user)
    folder.chmod(0o700 if not user else 0o755)
    return folder


def _can_reach(user: str, path: Path) -> bool:
    """Whether `user`, which is in none of our groups, can enter every folder down to `path`."""
    path.mkdir(parents=True, exist_ok=True)
    entry = pwd.getpwnam(user)
    for folder in (path, *path.parents):
        mode = folder.stat()
        owner_may = mode.st_uid == entry.pw_uid and mode.st_mode & stat.S_IXUSR
        if not (mode.st_mode & stat.S_IXOTH or owner_may):
            return False
    return True


def _copy_binaries(binaries: Binaries, root: Path) -> Binaries:
    """Copy the whole installation to a folder where the cluster's user can run it."""
    target = root / f"programs-{binaries.version}"
    if not target.exists():
        partial = target.with_name(f"{target.name}.{time.time_ns()}")
        shutil.copytree(binaries.installation, partial, symlinks=True)
        partial.rename(target)
    folder = target / binaries.folder.relative_to(binaries.installation)
    return Binaries(folder, binaries.version, binaries.reason)
