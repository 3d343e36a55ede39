"""Databases: create, clone, label, rename, freeze, drop. Every function can be run again."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg import sql

from tenantry.errors import ForeignDatabase
from tenantry.model.catalog import Database, Kind, Label, filestore_in
from tenantry.model.names import MAKER_ROLE
from tenantry.postgres import roles
from tenantry.postgres.cluster import Connection, translated

_logger = logging.getLogger(__name__)

_FACTS = """
    SELECT datname, shobj_description(oid, 'pg_database'), pg_get_userbyid(datdba), datconnlimit
      FROM pg_database
"""
_LIST = f"""
    {_FACTS} WHERE shobj_description(oid, 'pg_database') LIKE '{{%"tenantry"%'
     ORDER BY datname
"""
_HAS_PROVIDERS = 150000
_DROP_INTERRUPTED = -2
"""The connection limit that PostgreSQL sets before it drops a database's files."""


def listing(connection: Connection, *kinds: Kind) -> list[Database]:
    """Every database with our label, ordered by name. kinds: only these kinds; without any, all kinds."""
    with translated(connection, "list databases"):
        found = [_database(*row) for row in connection.execute(_LIST.encode())]
    return [d for d in found if d.label and (not kinds or d.label.kind in kinds)]


def find(connection: Connection, name: str) -> Database | None:
    """The database of that name, whether ours or not; None when there is none."""
    with translated(connection, "find a database", name):
        row = connection.execute(f"{_FACTS} WHERE datname = %s".encode(), [name]).fetchone()
    return _database(*row) if row else None


def everything(connection: Connection) -> dict[str, tuple[int, Database, str]]:
    """Every database of the cluster, ours or not, by name: its oid, what it is, and the folder of its files.

    The folder is the one that its label names, also if the label is of a kind that we do not know.
    """
    query = f"""
        SELECT oid, facts.* FROM ({_FACTS}) AS facts (name, comment, owner, connections)
          JOIN pg_database ON datname = name
    """
    with translated(connection, "list databases"):
        rows = connection.execute(query.encode()).fetchall()
    return {row[1]: (int(row[0]), _database(*row[1:]), filestore_in(row[2])) for row in rows}


def _database(name: str, comment: str | None, owner: str, connection_limit: int) -> Database:
    return Database(
        name,
        Label.from_comment(comment),
        is_being_made=owner == MAKER_ROLE,
        is_whole=connection_limit != _DROP_INTERRUPTED,
    )


def with_wrong_collation(connection: Connection) -> list[str]:
    """Our databases whose collation does not sort by code point, as Odoo expects."""
    has_providers = connection.info.server_version >= _HAS_PROVIDERS
    wrong = "datcollate NOT IN ('C', 'POSIX')" + (" OR datlocprovider <> 'c'" if has_providers else "")
    with translated(connection, "look collations up"):
        rows = connection.execute(f"SELECT datname FROM pg_database WHERE {wrong}".encode())
        found = {row[0] for row in rows}
    return sorted(found & {database.name for database in listing(connection)})


def require_ours(connection: Connection, *names: str) -> None:
    """Raise ForeignDatabase when one of these databases exists and is not ours."""
    for name in names:
        _find_ours(connection, name)


def _find_ours(connection: Connection, name: str) -> Database | None:
    found = find(connection, name)
    if found and not found.is_ours:
        raise ForeignDatabase(name)
    return found


def sizes_bytes(connection: Connection, *names: str) -> dict[str, int]:
    """Size of each database that exists and that we may connect to. PostgreSQL looks at each of its files."""
    query = """
        SELECT datname, CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) END
          FROM pg_database
         WHERE datname = ANY(%s) AND datconnlimit <> %s
    """
    with translated(connection, "size databases"):
        rows = connection.execute(query, [list(names), _DROP_INTERRUPTED])
        return {name: int(size) for name, size in rows if size is not None}


def oid(connection: Connection, name: str) -> int:
    """The database's oid, which renaming keeps. Raises TypeError when there is no such database."""
    with translated(connection, "find a database", name):
        row = connection.execute("SELECT oid FROM pg_database WHERE datname = %s", [name]).fetchone()
    return int(row[0])  # type: ignore[index]


def oids(connection: Connection, *kinds: Kind) -> dict[str, int]:
    """The oids of our databases of these kinds, by name."""
    found = [database.name for database in listing(connection, *kinds)]
    with translated(connection, "list databases"):
        rows = connection.execute(
            "SELECT datname, oid FROM pg_database WHERE datname = ANY(%s) ORDER BY datname", [found]
        )
        return {name: int(number) for name, number in rows}


def names(connection: Connection) -> set[str]:
    """The names of all databases of the cluster, ours or not."""
    with translated(connection, "list databases"):
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


BASE = "tenantry_base"
"""An empty template in which a superuser has run `base.sql`. It exists in the embedded cluster."""


def create(connection: Connection, name: str, first: Label) -> None:
    """Create an empty database with that label. Its collation sorts by code point, as Odoo does.

    Privileges that were revoked in BASE are revoked in every database that is copied from it.
    Raises DatabaseExists.
    """
    if find(connection, BASE):
        source = sql.SQL("TEMPLATE {}").format(sql.Identifier(BASE))
    else:
        # The cluster's default collation may be ICU's, which sorts differently and changes with the system.
        has_providers = connection.info.server_version >= _HAS_PROVIDERS
        provider = sql.SQL(" LOCALE_PROVIDER libc" if has_providers else "")
        source = sql.SQL("TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'{}").format(provider)
    _create(connection, name, source, first)


def clone(connection: Connection, template: str, name: str, strategy: sql.SQL, first: Label) -> None:
    """Copy a frozen template, block by block, into a database with that label. Raises DatabaseExists."""
    source = sql.SQL("TEMPLATE {}{}").format(sql.Identifier(template), strategy)
    _create(connection, name, source, first)


def _create(connection: Connection, name: str, source: sql.Composed, first: Label) -> None:
    """Create the database owned by MAKER_ROLE, then write its label and change the owner in one transaction.

    CREATE DATABASE cannot write a comment: until there is a label, the owner says that the database is ours.
    CREATE DATABASE grants CONNECT to PUBLIC; that is revoked.
    """
    roles.create(connection, MAKER_ROLE)
    database = sql.Identifier(name)
    statement = sql.SQL("CREATE DATABASE {} OWNER {} {}").format(database, sql.Identifier(MAKER_ROLE), source)
    with translated(connection, "create a database", name):
        connection.execute(statement)
    with transaction(connection), translated(connection, "close a database", name):
        label(connection, name, first)
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(database))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))


def grant_connect(connection: Connection, name: str, role: str) -> None:
    """Grant CONNECT and TEMPORARY on one of our databases to a role."""
    statement = sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}")
    with translated(connection, "grant CONNECT on a database", name):
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(role)))


def ensure_connect(connection: Connection, name: str, role: str) -> None:
    """Grant CONNECT on a database that is not ours to a role, unless the role has that privilege already."""
    with translated(connection, "look a privilege up"):
        row = connection.execute("SELECT has_database_privilege(%s, %s, 'CONNECT')", [role, name]).fetchone()
    if not (row and row[0]):
        statement = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
        with translated(connection, "grant CONNECT on a database", name):
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(role)))


def add_extensions(connection: Connection, wanted: Sequence[str]) -> None:
    """Create the wanted extensions in the connected database, as far as this PostgreSQL has them.

    The extensions must be trusted: then the database's owner may create them. A tenant's role may not.
    """
    with translated(connection, "create an extension"):
        available = connection.execute(
            "SELECT name FROM pg_available_extensions WHERE name = ANY(%s)", [list(wanted)]
        ).fetchall()
        for (name,) in available:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))


def label(connection: Connection, name: str, new: Label) -> None:
    """Write the comment. Raises ForeignDatabase."""
    require_ours(connection, name)
    statement = sql.SQL("COMMENT ON DATABASE {} IS {}")
    with translated(connection, "label a database", name):
        connection.execute(statement.format(sql.Identifier(name), sql.Literal(new.to_comment())))


def rename(connection: Connection, old: str, new: str) -> None:
    """Raises DatabaseExists for the new name, DatabaseInUse for the old one, ForeignDatabase."""
    require_ours(connection, old)
    statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with translated(connection, "rename a database", new, in_use=old):
        connection.execute(statement.format(sql.Identifier(old), sql.Identifier(new)))


def freeze(connection: Connection, name: str) -> None:
    """T4: allow no connections to a template, so that it is never listed, changed or in use.

    Raises ForeignDatabase.
    """
    require_ours(connection, name)
    _alter(connection, name, sql.SQL("IS_TEMPLATE true ALLOW_CONNECTIONS false"))


def drop(connection: Connection, name: str) -> None:
    """End a database's sessions and drop it, if it exists. Raises ForeignDatabase."""
    found = _find_ours(connection, name)
    if not found:
        return
    if found.is_whole:
        _alter(connection, name, sql.SQL("IS_TEMPLATE false ALLOW_CONNECTIONS false"))
        end_sessions(connection, name)
    statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    with translated(connection, "drop a database", name):
        connection.execute(statement)
    _logger.info("dropped database %s", name)


def end_sessions(connection: Connection, name: str) -> int:
    """End every session of one of our databases except the current one; return how many there were.

    Waits up to 5 s for each (PostgreSQL 14 and later). Raises ForeignDatabase.
    """
    require_ours(connection, name)
    version_14 = connection.info.server_version >= 140000
    wait = sql.SQL(", 5000") if version_14 else sql.SQL("")
    statement = sql.SQL(
        "SELECT pg_terminate_backend(pid{}) FROM pg_stat_activity"
        " WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    ).format(wait)
    with translated(connection, "end sessions", name):
        return len(connection.execute(statement, [name]).fetchall())


def with_sessions(connection: Connection) -> set[str]:
    """The databases that have sessions at this moment."""
    with translated(connection, "list sessions"):
        rows = connection.execute("SELECT DISTINCT datname FROM pg_stat_activity WHERE datname IS NOT NULL")
        return {row[0] for row in rows}


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """A transaction whose errors are ours."""
    with translated(connection, "commit"), connection.transaction():
        yield


def _alter(connection: Connection, name: str, clause: sql.SQL) -> None:
    statement = sql.SQL("ALTER DATABASE {} WITH {}").format(sql.Identifier(name), clause)
    with translated(connection, "alter a database", name):
        connection.execute(statement)
