"""A PostgreSQL cluster as the engine sees it: an address, a role, connections, typed errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import conninfo, errors

from tenantry.errors import (
    DatabaseExists,
    DatabaseInUse,
    InsufficientRights,
    InvalidSetting,
    PostgresFailure,
    PostgresUnreachable,
    TenantryError,
)
from tenantry.model.secret import Secret

Connection = psycopg.Connection[tuple[Any, ...]]

MAINTENANCE_DATABASE = "postgres"
_CONNECT_TIMEOUT_S = 10


@dataclass(frozen=True)
class Cluster:
    """The address of PostgreSQL, and the role that connects.

    parameters: libpq's connection keywords without the password and the database. log: the server's log, if
    we run the server. sockets: the folder of its UNIX socket, if it has one that we know.
    """

    parameters: Mapping[str, str]
    password: Secret | None = None
    log: Path | None = None
    sockets: Path | None = None

    @classmethod
    def from_dsn(cls, dsn: Secret) -> Cluster:
        """Read a libpq connection string or URI. Raises InvalidSetting."""
        try:
            given = conninfo.conninfo_to_dict(dsn.reveal())
        except psycopg.Error as error:
            raise InvalidSetting("TENANTRY_PG_DSN", "***", "a libpq connection string or URI") from error
        password = given.pop("password", None)
        given.pop("dbname", None)
        host = str(given.get("host", ""))
        sockets = Path(host) if host.startswith("/") else None
        secret = Secret(str(password)) if password else None
        return cls({k: str(v) for k, v in given.items()}, secret, sockets=sockets)

    @property
    def host(self) -> str:
        return self.parameters.get("host", "")

    @property
    def port(self) -> int:
        return int(self.parameters.get("port", "5432"))

    @property
    def user(self) -> str:
        return self.parameters.get("user", "")

    @property
    def address(self) -> str:
        return f"{self.host or 'the local socket'}:{self.port}"

    def as_role(self, role: str, password: Secret) -> Cluster:
        """The same cluster, connected to as another role."""
        return Cluster({**self.parameters, "user": role}, password)

    def with_options(self, options: Mapping[str, str]) -> Cluster:
        """The same cluster; its sessions start with these settings."""
        given = self.parameters.get("options", "")
        added = " ".join(f"-c {name}={value}" for name, value in options.items())
        return Cluster({**self.parameters, "options": f"{given} {added}".strip()}, self.password)

    def open(self, database: str = MAINTENANCE_DATABASE, *, autocommit: bool = True) -> Connection:
        """Connect; the caller closes the connection. Raises PostgresUnreachable."""
        try:
            return psycopg.connect(self._conninfo(database), autocommit=autocommit)
        except psycopg.OperationalError as error:
            raise PostgresUnreachable(self.address, one_line(error)) from error

    def _conninfo(self, database: str) -> str:
        return conninfo.make_conninfo(
            "",
            **{"connect_timeout": str(_CONNECT_TIMEOUT_S), "application_name": "tenantry", **self.parameters},
            dbname=database,
            password=self.password.reveal() if self.password else None,
        )

    @contextmanager
    def connect(self, database: str = MAINTENANCE_DATABASE) -> Iterator[Connection]:
        """An autocommit connection that is closed at the end of the block."""
        connection = self.open(database)
        try:
            yield connection
        finally:
            connection.close()


def is_alive(connection: Connection) -> bool:
    return not connection.closed and not connection.broken


@contextmanager
def translated(
    connection: Connection, action: str, database: str = "", *, in_use: str = ""
) -> Iterator[None]:
    """Turn psycopg's errors into ours; no other function does.

    action: completes the sentence "PostgreSQL refused to ...". database: the database that DatabaseExists
    names. in_use: the database that DatabaseInUse names, if it is another one.
    """
    try:
        yield
    except psycopg.Error as error:
        if isinstance(error, errors.ObjectInUse):
            raise DatabaseInUse(in_use or database) from error
        raise _typed(connection, action, database, error) from error


def _typed(connection: Connection, action: str, database: str, error: psycopg.Error) -> TenantryError:
    match error:
        case errors.DuplicateDatabase():
            return DatabaseExists(database)
        case errors.InsufficientPrivilege():
            missing = _missing_rights(connection)
            if missing:
                return InsufficientRights(connection.info.user, missing)
    if connection.broken or isinstance(error, errors.AdminShutdown):
        return PostgresUnreachable(f"{connection.info.host}:{connection.info.port}", one_line(error))
    return PostgresFailure(action, one_line(error))


def _missing_rights(connection: Connection) -> list[str]:
    try:
        return missing_rights(connection)
    except psycopg.Error:  # the transaction has failed, or pg_roles cannot be read: it is unknown
        return []


def missing_rights(connection: Connection) -> list[str]:
    """T7: the attributes that the connection's role lacks: CREATEDB, CREATEROLE."""
    row = connection.execute(
        "SELECT rolcreatedb OR rolsuper, rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    granted = zip(row or (), ("CREATEDB", "CREATEROLE"), strict=False)
    return [name for is_granted, name in granted if not is_granted]


def one_line(error: BaseException) -> str:
    """The first line of PostgreSQL's message, without a full stop."""
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__
