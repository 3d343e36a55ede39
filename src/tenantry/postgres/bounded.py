"""Connections to a customer's database: limited in time, and only to plain tables.

The owner of a database can create triggers, views, policies and functions in it. So our statements run with
the owner's privileges (`Cluster.as_role`). Here they also get a time limit, by `statement_timeout` and by a
timer of ours: a function can catch a cancelled query, but not the end of its session.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import errors

from tenantry.errors import (
    Busy,
    InsufficientRights,
    PostgresFailure,
    PostgresUnreachable,
    Tampered,
    TenantryError,
)
from tenantry.postgres.cluster import Cluster, Connection, one_line, translated

USUAL_S, LONG_S = 15, 300
"""Time limits of a session: for a few rows, and for the preparation of a whole database."""

# Options of the connection override those of ALTER ROLE ... SET.
_OPTIONS = {
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
    "row_security": "off",
    "search_path": "public,pg_temp",
}
_TABLES = (
    "ir_attachment",
    "ir_config_parameter",
    "ir_model_data",
    "ir_module_module",
    "res_company",
    "res_country",
    "res_device_log",
    "res_groups_implied_rel",
    "res_groups_users_rel",
    "res_partner",
    "res_users",
    "res_users_log",
)
"""The tables that we read and write in a database in use."""
_CONFLICTS = ("40",)
_POSTGRESQL_FAILURES = ("08", "53", "57P", "58", "XX")
"""Classes of SQLSTATE codes. 40: a serialization failure or a deadlock. The others: connections, resources,
shutdowns, the operating system, internal errors."""
_NOT_PLAIN = """
    SELECT relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)
       AND (relkind <> 'r' OR relrowsecurity OR relhasrules OR relhassubclass)
"""


@dataclass
class Session:
    """A connection as the role that owns the tables. is_overdue: the session took too long and was ended."""

    database: str
    connection: Connection
    is_overdue: bool = False

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Turn psycopg's errors in this session into ours.

        Raises Busy when another session holds a lock that we wait for; the errors of `cluster.translated`
        when PostgreSQL itself fails; Tampered for what Odoo never does: a statement that takes too long or
        fails, a view in place of a table, a column of another type.
        """
        try:
            with translated(self.connection, "work in a customer's database"):
                yield
        except (PostgresFailure, InsufficientRights, PostgresUnreachable) as error:
            typed = self._typed(error)
            if typed is error:
                raise
            raise typed from error

    def _typed(self, error: TenantryError) -> TenantryError:
        cause = error.__cause__
        state = (cause.sqlstate if isinstance(cause, psycopg.Error) else "") or ""
        if self.is_overdue:
            return Tampered(self.database, "it took too long")
        if isinstance(cause, errors.LockNotAvailable) or state.startswith(_CONFLICTS):
            return Busy(f"the rows of {self.database}")
        if isinstance(error, PostgresUnreachable) or state.startswith(_POSTGRESQL_FAILURES):
            return error
        return Tampered(self.database, one_line(cause or error))


@contextlib.contextmanager
def session(
    cluster: Cluster, database: str, engine: Cluster, within_s: float | None = None
) -> Iterator[Session]:
    """Open a limited session.

    cluster: with the database's role. engine: with a role that may end that role's sessions.
    Raises what `Session.translated` raises.
    """
    within_s = within_s or USUAL_S
    limited = cluster.with_options({**_OPTIONS, "statement_timeout": f"{within_s:.0f}s"})
    with limited.connect(database) as connection:
        found = Session(database, connection)
        watch = threading.Timer(within_s, _end, [found, engine])
        watch.daemon = True
        watch.start()
        try:
            with found.translated():
                _check_tables(found)
            yield found
        finally:
            watch.cancel()


@contextlib.contextmanager
def connect(
    cluster: Cluster, database: str, engine: Cluster, within_s: float | None = None
) -> Iterator[Connection]:
    """Open a limited session and translate the errors of the whole block; yield its connection."""
    with session(cluster, database, engine, within_s) as found, found.translated():
        yield found.connection


def _end(found: Session, engine: Cluster) -> None:
    found.is_overdue = True
    with contextlib.suppress(PostgresUnreachable, psycopg.Error), engine.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND datname = %s",
            [found.connection.info.backend_pid, found.database],
        )


def _check_tables(found: Session) -> None:
    names = [name for (name,) in found.connection.execute(_NOT_PLAIN, [list(_TABLES)])]
    if names:
        raise Tampered(found.database, f"{', '.join(names)}: not a plain table")
