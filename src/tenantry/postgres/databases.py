"""Databases: create, clone, label, rename, freeze, drop. Every function can be run again."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg import sql

from tenantry.model.catalog import Database, Kind, Label
from tenantry.postgres.cluster import Connection, translated

_logger = logging.getLogger(__name__)

_LIST = """
    SELECT datname, shobj_description(oid, 'pg_database'),
           CASE WHEN %s THEN pg_database_size(oid) ELSE 0 END
      FROM pg_database
     WHERE shobj_description(oid, 'pg_database') LIKE '{%%"tenantry"%%'
     ORDER BY datname
"""


def listing(connection: Connection, *kinds: Kind, with_size: bool = False) -> list[Database]:
    """Every database of ours, of those kinds or of all, by name."""
    with translated(connection, "list databases"):
        rows = connection.execute(_LIST, [with_size]).fetchall()
    databases = [Database(name, Label.from_comment(comment), size) for name, comment, size in rows]
    return [d for d in databases if d.label and (not kinds or d.label.kind in kinds)]


def find(connection: Connection, name: str) -> Database | None:
    """The database of that name, ours or not; None when there is none."""
    with translated(connection, "find a database", name):
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
    return Database(name, Label.from_comment(row[0])) if row else None


def oid(connection: Connection, name: str) -> int:
    """What a database keeps when it is renamed. Raises TypeError when there is none."""
    with translated(connection, "find a database", name):
        row = connection.execute("SELECT oid FROM pg_database WHERE datname = %s", [name]).fetchone()
    return int(row[0])  # type: ignore[index]


def names(connection: Connection) -> set[str]:
    """The names of all databases of the cluster, ours or not."""
    with translated(connection, "list databases"):
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


BASE = "tenantry_base"
"""An empty template in which a superuser has run `harden.sql`; there if the cluster is ours."""


def create(connection: Connection, name: str) -> None:
    """Create an empty database whose text sorts by code point, as Odoo does.

    What was revoked in BASE is revoked in every database that descends from it.
    Raises DatabaseExists.
    """
    if find(connection, BASE):
        source = sql.SQL("TEMPLATE {}").format(sql.Identifier(BASE))
    else:
        source = sql.SQL("TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'").format()
    statement = sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), source)
    with translated(connection, "create a database", name):
        connection.execute(statement)
    close_to_public(connection, name)


def clone(connection: Connection, template: str, name: str, strategy: sql.SQL) -> None:
    """Copy a frozen template, block by block. Raises DatabaseExists."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}{}").format(
        sql.Identifier(name), sql.Identifier(template), strategy
    )
    with translated(connection, "clone a database", name):
        connection.execute(statement)
    close_to_public(connection, name)


def close_to_public(connection: Connection, name: str) -> None:
    """Let nobody in who was not let in by name; CREATE DATABASE lets everybody."""
    statement = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
    with translated(connection, "close a database", name):
        connection.execute(statement)


def let_in(connection: Connection, name: str, role: str) -> None:
    statement = sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}")
    with translated(connection, "open a database to a role", name):
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(role)))


def let_connect(connection: Connection, name: str, role: str) -> None:
    """Let a role connect to a database that is not ours, unless it may already."""
    with translated(connection, "look a privilege up"):
        row = connection.execute("SELECT has_database_privilege(%s, %s, 'CONNECT')", [role, name]).fetchone()
    if not (row and row[0]):
        statement = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
        with translated(connection, "open a database to a role", name):
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(role)))


def add_extensions(connection: Connection, wanted: Sequence[str]) -> None:
    """Create those of the extensions that this PostgreSQL has, in the connected database.

    They are trusted ones; the database's owner may create them, a tenant may not.
    """
    with translated(connection, "create an extension"):
        available = connection.execute(
            "SELECT name FROM pg_available_extensions WHERE name = ANY(%s)", [list(wanted)]
        ).fetchall()
        for (name,) in available:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))


def label(connection: Connection, name: str, new: Label) -> None:
    """Write the comment."""
    statement = sql.SQL("COMMENT ON DATABASE {} IS {}")
    with translated(connection, "label a database", name):
        connection.execute(statement.format(sql.Identifier(name), sql.Literal(new.to_comment())))


def rename(connection: Connection, old: str, new: str) -> None:
    """Raises DatabaseExists, DatabaseInUse."""
    statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with translated(connection, "rename a database", new):
        connection.execute(statement.format(sql.Identifier(old), sql.Identifier(new)))


def freeze(connection: Connection, name: str) -> None:
    """T4: a template nobody can connect to is never listed, never touched, never in use."""
    _alter(connection, name, sql.SQL("IS_TEMPLATE true ALLOW_CONNECTIONS false"))


def drop(connection: Connection, name: str) -> None:
    """Drop a database, its sessions first. A missing one is fine."""
    if not find(connection, name):
        return
    _alter(connection, name, sql.SQL("IS_TEMPLATE false ALLOW_CONNECTIONS false"))
    end_sessions(connection, name)
    statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    with translated(connection, "drop a database", name):
        connection.execute(statement)
    _logger.info("dropped database %s", name)


def end_sessions(connection: Connection, name: str) -> int:
    """End every session of a database but our own; tell how many, waiting up to 5 s for each."""
    version_14 = connection.info.server_version >= 140000
    wait = sql.SQL(", 5000") if version_14 else sql.SQL("")
    statement = sql.SQL(
        "SELECT pg_terminate_backend(pid{}) FROM pg_stat_activity"
        " WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    ).format(wait)
    with translated(connection, "end sessions", name):
        return len(connection.execute(statement, [name]).fetchall())


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Everything in here happens, or nothing."""
    with translated(connection, "commit"), connection.transaction():
        yield


def _alter(connection: Connection, name: str, clause: sql.SQL) -> None:
    statement = sql.SQL("ALTER DATABASE {} WITH {}").format(sql.Identifier(name), clause)
    with translated(connection, "alter a database", name):
        connection.execute(statement)
