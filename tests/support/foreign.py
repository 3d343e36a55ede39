"""Databases and roles of others in the cluster, with our names: they must stay unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from tenantry.postgres.cluster import Connection

_FACTS = """
    SELECT oid, datname, datdba::regrole::text, datallowconn, datistemplate, datconnlimit, datacl::text,
           shobj_description(oid, 'pg_database')
      FROM pg_database WHERE datname = %s
"""
_ROLE_FACTS = """
    SELECT oid, rolname, rolcanlogin, rolconnlimit, shobj_description(oid, 'pg_authid')
      FROM pg_roles WHERE rolname = %s
"""


@contextmanager
def foreign_database(connection: Connection, name: str, comment: str = "") -> Iterator[None]:
    """A database that the engine's role owns, as after a migration; it must be unchanged at the end."""
    database = sql.Identifier(name)
    connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
    if comment:
        write_comment(connection, name, comment)
    before = connection.execute(_FACTS, [name]).fetchone()
    try:
        yield
        assert connection.execute(_FACTS, [name]).fetchone() == before
    finally:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(database))


@contextmanager
def foreign_role(connection: Connection, name: str) -> Iterator[None]:
    """A foreign role, which must be unchanged at the end. A role of ours has no mark meanwhile."""
    role = sql.Identifier(name)
    marked = connection.execute(_ROLE_FACTS, [name]).fetchone()
    if marked:
        connection.execute(sql.SQL("COMMENT ON ROLE {} IS NULL").format(role))
    else:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
    before = connection.execute(_ROLE_FACTS, [name]).fetchone()
    try:
        yield
        assert connection.execute(_ROLE_FACTS, [name]).fetchone() == before
    finally:
        if marked:
            connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(marked[-1])))
        else:
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))


def write_comment(connection: Connection, name: str, comment: str) -> None:
    statement = sql.SQL("COMMENT ON DATABASE {} IS {}")
    connection.execute(statement.format(sql.Identifier(name), sql.Literal(comment)))
