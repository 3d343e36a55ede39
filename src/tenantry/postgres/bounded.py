"""Connections into a customer's database: whatever is in there, they end, and believe only plain tables.

Whoever owns a database may put triggers, views, policies and functions there. What we run there runs with
that owner's rights (`Cluster.as_role`); here it is also limited in time, by PostgreSQL and from outside: a
function may catch a cancelled query, but not the end of its session.
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
"""How long a session may take: to read and write a few rows, and to prepare a whole database."""

# Given when connecting, they count for more than what the role was given by ALTER ROLE ... SET.
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
"""What we read and write in a database that is in use."""
_COLLISIONS = ("40",)
_NOBODYS_FAULT = ("08", "53", "57P", "58", "XX")
"""Classes of PostgreSQL's errors: two at once; connections, resources, shutdowns, the system, itself."""
_NOT_PLAIN = """
    SELECT relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)
       AND (relkind <> 'r' OR relrowsecurity OR relhasrules OR relhassubclass)
"""


@dataclass
class Session:
    """One connection as the role that owns what is inside. is_overdue: it took too long, and was ended."""

    database: str
    connection: Connection
    is_overdue: bool = False

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Let nothing out but errors of ours.

        Raises Busy when somebody holds what we wait for, what PostgreSQL itself cannot do as it is, and
        Tampered for what no Odoo does: a statement that takes too long or fails, a view in the place of a
        table, a column of another type.
        """
        try:
            with translated(self.connection, "work in a customer's database"):
                yield
        except (PostgresFailure, InsufficientRights, PostgresUnreachable) as error:
            told = self._as_told(error)
            if told is error:
                raise
            raise told from error

    def _as_told(self, error: TenantryError) -> TenantryError:
        cause = error.__cause__
        state = (cause.sqlstate if isinstance(cause, psycopg.Error) else "") or ""
        if self.is_overdue:
            return Tampered(self.database, "it took too long")
        if isinstance(cause, errors.LockNotAvailable) or state.startswith(_COLLISIONS):
            return Busy(f"the rows of {self.database}")
        if isinstance(error, PostgresUnreachable) or state.startswith(_NOBODYS_FAULT):
            return error
        return Tampered(self.database, one_line(cause or error))


@contextlib.contextmanager
def session(
    cluster: Cluster, database: str, engine: Cluster, within_s: float | None = None
) -> Iterator[Session]:
    """cluster: as that role. engine: as one that may end its sessions. Raises as `Session.told`."""
    within_s = within_s or USUAL_S
    limited = cluster.with_options({**_OPTIONS, "statement_timeout": f"{within_s:.0f}s"})
    with limited.connect(database) as connection:
        found = Session(database, connection)
        watch = threading.Timer(within_s, _end, [found, engine])
        watch.daemon = True
        watch.start()
        try:
            with found.told():
                _check_tables(found)
            yield found
        finally:
            watch.cancel()


@contextlib.contextmanager
def connect(
    cluster: Cluster, database: str, engine: Cluster, within_s: float | None = None
) -> Iterator[Connection]:
    """The same for who needs the connection only, and all of whose errors are to be ours."""
    with session(cluster, database, engine, within_s) as found, found.told():
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
