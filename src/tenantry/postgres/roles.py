"""Roles: one per tenant, called like its database. Every function can be run again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors, sql

from tenantry.errors import ForeignRole, InsufficientRights
from tenantry.model.secret import Secret
from tenantry.postgres.cluster import Connection, is_alive, missing_rights, translated
from tenantry.postgres.scram import verifier

_MARK = "tenantry"
"""The comment that tells our roles from others of a shared cluster."""
MAX_CONNECTIONS = 40
"""More than a process of a tenant opens, with the engine's own looks and an installation of modules."""
_TIMEOUTS = {"statement_timeout": "30min", "idle_in_transaction_session_timeout": "1h"}
_PUBLIC_SCHEMA_CLOSED = 150000
"""Before this version everybody may create in the schema `public`; since, its owner decides."""


def create(connection: Connection, name: str, password: Secret | None = None) -> None:
    """Make sure the role exists, with that password if given; without one it cannot log in.

    Raises ForeignRole.
    """
    _require_ours(connection, name)
    if not exists(connection, name):
        with translated(connection, "create a role"):
            try:
                _create(connection, name)
            except (errors.DuplicateObject, errors.UniqueViolation):  # another of our processes was faster
                _require_ours(connection, name)
    if password:
        let_log_in(connection, name, password)


def _create(connection: Connection, name: str) -> None:
    role = sql.Identifier(name)
    with connection.transaction():
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
        connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(_MARK)))
        # PostgreSQL 16 gives a role's creator ADMIN on it, and no more.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))


def limit(connection: Connection, name: str) -> None:
    """Bound what one tenant may take of the cluster: connections, and defaults for time.

    The defaults are the tenant's own to change, for what its Odoo runs; the connections are not.
    """
    _require_ours(connection, name)
    role = sql.Identifier(name)
    with translated(connection, "limit a role"):
        limited = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(role, sql.Literal(MAX_CONNECTIONS))
        connection.execute(limited)
        for setting, value in _TIMEOUTS.items():
            statement = sql.SQL("ALTER ROLE {} SET {} = {}")
            connection.execute(statement.format(role, sql.Identifier(setting), sql.Literal(value)))


def let_log_in(connection: Connection, name: str, password: Secret) -> None:
    """Set the password, and let the role log in with it."""
    _alter(connection, name, sql.SQL("LOGIN PASSWORD {}").format(sql.Literal(verifier(password))))


def set_password(connection: Connection, name: str, password: Secret) -> None:
    """Set the password only: a role that is locked out stays so."""
    _alter(connection, name, sql.SQL("PASSWORD {}").format(sql.Literal(verifier(password))))


def _alter(connection: Connection, name: str, change: sql.Composed) -> None:
    _require_ours(connection, name)
    statement = sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(name), change)
    with translated(connection, "set a role's password"):
        connection.execute(statement)


def lock_out(connection: Connection, name: str) -> None:
    """Let a role log in no more, until `let_log_in`; its sessions go on. Raises ForeignRole."""
    _require_ours(connection, name)
    with translated(connection, "lock a role out"):
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(name)))


def end_sessions(connection: Connection, name: str) -> None:
    """End every session of a role of ours, in whichever database. Raises ForeignRole."""
    _require_ours(connection, name)
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
    with translated(connection, "end a role's sessions"):
        connection.execute(query, [name])


def may_log_in(connection: Connection, name: str) -> bool:
    with translated(connection, "look a role up"):
        row = connection.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [name]).fetchone()
        return bool(row and row[0])


def rename(connection: Connection, old: str, new: str) -> None:
    """Raises ForeignRole."""
    _require_ours(connection, old)
    _require_ours(connection, new)
    with translated(connection, "rename a role"):
        connection.execute(
            sql.SQL("ALTER ROLE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
        )


def drop(connection: Connection, name: str) -> None:
    """Drop one of our roles, which owns nothing any more. A missing or foreign one is left."""
    if is_ours(connection, name):
        with translated(connection, "drop a role"):
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


@contextmanager
def lent(connection: Connection, name: str, to: str) -> Iterator[None]:
    """Let the role `to` do what `name` may, and what no other may, to the end of the block.

    What a killed one left it is taken back first. The caller sees to it that nobody else lends to it.
    Raises ForeignRole.
    """
    _require_ours(connection, name)
    _require_ours(connection, to)
    _take_back(connection, to)
    statement = sql.SQL("GRANT {} TO {}").format(sql.Identifier(name), sql.Identifier(to))
    with translated(connection, "lend a role"):
        connection.execute(statement)
    try:
        yield
    finally:
        if is_alive(connection):
            _take_back(connection, to)


def _take_back(connection: Connection, to: str) -> None:
    query = """
        SELECT lent.rolname FROM pg_auth_members JOIN pg_roles AS lent ON lent.oid = roleid
          JOIN pg_roles AS holder ON holder.oid = member
         WHERE holder.rolname = %s
    """
    with translated(connection, "take a role back"):
        for (lent_one,) in connection.execute(query, [to]).fetchall():
            statement = sql.SQL("REVOKE {} FROM {}")
            connection.execute(statement.format(sql.Identifier(lent_one), sql.Identifier(to)))


def exists(connection: Connection, name: str) -> bool:
    with translated(connection, "look a role up"):
        return bool(connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone())


def is_ours(connection: Connection, name: str) -> bool:
    return name in ours(connection, name)


def _require_ours(connection: Connection, name: str) -> None:
    """Raise ForeignRole when it is there and we did not make it: its password is not ours to set."""
    query = "SELECT split_part(shobj_description(oid, 'pg_authid'), ' ', 1) FROM pg_roles WHERE rolname = %s"
    with translated(connection, "look a role up"):
        row = connection.execute(query, [name]).fetchone()
    if row and row[0] != _MARK:
        raise ForeignRole(name)


def ours(connection: Connection, name: str | None = None) -> set[str]:
    """The roles the engine made; only that one, if it is, when a name is given."""
    with translated(connection, "list roles"):
        rows = connection.execute(
            "SELECT rolname FROM pg_roles"
            " WHERE split_part(shobj_description(oid, 'pg_authid'), ' ', 1) = %s"
            " AND (%s::text IS NULL OR rolname = %s)",
            [_MARK, name, name],
        )
        return {row[0] for row in rows}


def note(connection: Connection, name: str) -> str:
    """What was noted about one of our roles; "" for nothing."""
    with translated(connection, "read a role's note"):
        row = connection.execute(
            "SELECT split_part(shobj_description(oid, 'pg_authid'), ' ', 2) FROM pg_roles WHERE rolname = %s",
            [name],
        ).fetchone()
    return (row[0] if row else "") or ""


def set_note(connection: Connection, name: str, text: str) -> None:
    """Note one word about one of our roles, behind the mark that says it is ours. Raises ForeignRole."""
    _require_ours(connection, name)
    statement = sql.SQL("COMMENT ON ROLE {} IS {}")
    with translated(connection, "note something about a role"):
        connection.execute(statement.format(sql.Identifier(name), sql.Literal(f"{_MARK} {text}")))


def give_contents(connection: Connection, *, old: str, new: str) -> None:
    """Hand all that `old` owns in the connected database to `new`, and let `new` create there.

    `old` must own no database: REASSIGN OWNED would move those too, anywhere in the cluster.
    """
    # Who becomes a function's owner must be allowed to create there already.
    let_create(connection, new)
    new_role, old_role = sql.Identifier(new), sql.Identifier(old)
    with translated(connection, "hand a database's contents to its role"), connection.transaction():
        connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(old_role, new_role))
        if connection.info.server_version >= _PUBLIC_SCHEMA_CLOSED:
            connection.execute(sql.SQL("REVOKE ALL ON SCHEMA public FROM {}").format(old_role))


def disown(connection: Connection, name: str) -> None:
    """Take every privilege a role has in the connected database and on it."""
    with translated(connection, "take a role's privileges"):
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))


def let_create(connection: Connection, name: str) -> None:
    """Let a role create tables in the connected database."""
    if connection.info.server_version >= _PUBLIC_SCHEMA_CLOSED:
        statement = sql.SQL("GRANT CREATE, USAGE ON SCHEMA public TO {}")
        with translated(connection, "let a role create tables"):
            connection.execute(statement.format(sql.Identifier(name)))


def check_rights(connection: Connection) -> None:
    """T7: the engine's role must be able to make databases and roles. Raises InsufficientRights."""
    with translated(connection, "read the engine's rights"):
        missing = missing_rights(connection)
    if missing:
        raise InsufficientRights(connection.info.user, *missing)
