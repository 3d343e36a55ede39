"""Roles: one for each tenant, with the name of its database. Every function can be run again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors, sql

from tenantry.errors import ForeignRole, InsufficientRights
from tenantry.model.secret import Secret
from tenantry.postgres.cluster import Connection, is_alive, missing_rights, translated
from tenantry.postgres.scram import verifier

_MARK = "tenantry"
"""The comment that marks our roles in a shared cluster."""
MAX_CONNECTIONS = 40
"""More than a tenant's process opens, together with the engine's queries and an installation of modules."""
_TIMEOUTS = {"statement_timeout": "30min", "idle_in_transaction_session_timeout": "1h"}
_ADMIN_NEEDED = 160000
"""Since this version CREATEROLE alone does not allow changing a role that another one made."""
_PUBLIC_SCHEMA_CLOSED = 150000
"""Since this version PUBLIC has no CREATE privilege on the schema `public`."""


def create(connection: Connection, name: str, password: Secret | None = None) -> None:
    """Create the role unless it exists. With a password, set it and enable login.

    Raises ForeignRole.
    """
    _require_ours(connection, name)
    if not exists(connection, name):
        with translated(connection, "create a role"):
            try:
                _create(connection, name)
            except (errors.DuplicateObject, errors.UniqueViolation):  # another process of ours was first
                _require_ours(connection, name)
    if password:
        enable_login(connection, name, password)


def _create(connection: Connection, name: str) -> None:
    role = sql.Identifier(name)
    with connection.transaction():
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
        connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(_MARK)))
        # From PostgreSQL 16 on, a role's creator gets only the ADMIN option on it.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))


def limit(connection: Connection, name: str) -> None:
    """Limit a tenant's role: the number of its connections, and default timeouts.

    The tenant's sessions can change the timeouts, but not the connection limit.
    """
    _require_ours(connection, name)
    role = sql.Identifier(name)
    with translated(connection, "limit a role"):
        limited = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(role, sql.Literal(MAX_CONNECTIONS))
        connection.execute(limited)
        for setting, value in _TIMEOUTS.items():
            statement = sql.SQL("ALTER ROLE {} SET {} = {}")
            connection.execute(statement.format(role, sql.Identifier(setting), sql.Literal(value)))


def enable_login(connection: Connection, name: str, password: Secret) -> None:
    """Set the password and give the role LOGIN. Raises ForeignRole."""
    _alter(connection, name, sql.SQL("LOGIN PASSWORD {}").format(sql.Literal(verifier(password))))


def set_password(connection: Connection, name: str, password: Secret) -> None:
    """Set the password only: a role whose login is disabled stays NOLOGIN. Raises ForeignRole."""
    _alter(connection, name, sql.SQL("PASSWORD {}").format(sql.Literal(verifier(password))))


def _alter(connection: Connection, name: str, change: sql.Composed) -> None:
    _require_ours(connection, name)
    statement = sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(name), change)
    with translated(connection, "set a role's password"):
        connection.execute(statement)


def disable_login(connection: Connection, name: str) -> None:
    """Give the role NOLOGIN until `enable_login`; its sessions continue. Raises ForeignRole."""
    _require_ours(connection, name)
    with translated(connection, "disable a role's login"):
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(name)))


def end_sessions(connection: Connection, name: str) -> None:
    """End every session of one of our roles, in all databases. Raises ForeignRole."""
    _require_ours(connection, name)
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
    with translated(connection, "end a role's sessions"):
        connection.execute(query, [name])


def can_log_in(connection: Connection, name: str) -> bool:
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
    """Drop one of our roles, which must own nothing. A missing or a foreign role is ignored."""
    if is_ours(connection, name):
        with translated(connection, "drop a role"):
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


@contextmanager
def granted(connection: Connection, name: str, to: str) -> Iterator[None]:
    """Make the role `to` a member of the role `name`, and of no other role, until the end of the block.

    Memberships that a killed process left are revoked first. The caller must hold a lock, so that no other
    process grants roles to `to` at the same time. Raises ForeignRole.
    """
    _require_ours(connection, name)
    _require_ours(connection, to)
    _revoke_memberships(connection, to)
    statement = sql.SQL("GRANT {} TO {}").format(sql.Identifier(name), sql.Identifier(to))
    with translated(connection, "grant a role"):
        connection.execute(statement)
    try:
        yield
    finally:
        if is_alive(connection):
            _revoke_memberships(connection, to)


def _revoke_memberships(connection: Connection, member: str) -> None:
    query = """
        SELECT granted.rolname FROM pg_auth_members JOIN pg_roles AS granted ON granted.oid = roleid
          JOIN pg_roles AS member ON member.oid = pg_auth_members.member
         WHERE member.rolname = %s
    """
    with translated(connection, "revoke a role"):
        for (role,) in connection.execute(query, [member]).fetchall():
            statement = sql.SQL("REVOKE {} FROM {}")
            connection.execute(statement.format(sql.Identifier(role), sql.Identifier(member)))


def exists(connection: Connection, name: str) -> bool:
    with translated(connection, "look a role up"):
        return bool(connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone())


def is_ours(connection: Connection, name: str) -> bool:
    return name in ours(connection, name)


def _require_ours(connection: Connection, name: str) -> None:
    """Raise ForeignRole when the role exists and is not ours: we must not set its password."""
    query = "SELECT split_part(shobj_description(oid, 'pg_authid'), ' ', 1) FROM pg_roles WHERE rolname = %s"
    with translated(connection, "look a role up"):
        row = connection.execute(query, [name]).fetchone()
    if row and row[0] != _MARK:
        raise ForeignRole(name)


def ours(connection: Connection, name: str | None = None) -> set[str]:
    """The roles that the engine created. name: look at this role only."""
    with translated(connection, "list roles"):
        rows = connection.execute(
            "SELECT rolname FROM pg_roles"
            " WHERE split_part(shobj_description(oid, 'pg_authid'), ' ', 1) = %s"
            " AND (%s::text IS NULL OR rolname = %s)",
            [_MARK, name, name],
        )
        return {row[0] for row in rows}


def oids(connection: Connection) -> dict[str, int]:
    """The oids of the roles that the engine created, by name."""
    with translated(connection, "list roles"):
        rows = connection.execute(
            "SELECT rolname, oid FROM pg_roles"
            " WHERE split_part(shobj_description(oid, 'pg_authid'), ' ', 1) = %s",
            [_MARK],
        )
        return {name: int(number) for name, number in rows}


def note(connection: Connection, name: str) -> str:
    """The note in the comment of one of our roles; "" when there is none."""
    with translated(connection, "read a role's note"):
        row = connection.execute(
            "SELECT split_part(shobj_description(oid, 'pg_authid'), ' ', 2) FROM pg_roles WHERE rolname = %s",
            [name],
        ).fetchone()
    return (row[0] if row else "") or ""


def is_administered(connection: Connection, name: str) -> bool:
    """Whether the connection's role, which has CREATEROLE, may change and comment on one of our roles."""
    query = """
        SELECT rolsuper OR pg_has_role(%s::name, 'MEMBER WITH ADMIN OPTION') FROM pg_roles
         WHERE rolname = current_user
    """
    with translated(connection, "look a role up"):
        row = connection.execute(query, [name]).fetchone()
    return connection.info.server_version < _ADMIN_NEEDED or bool(row and row[0])


def set_note(connection: Connection, name: str, text: str) -> None:
    """Write a note of one word into a role's comment, after our mark. Raises ForeignRole."""
    _require_ours(connection, name)
    statement = sql.SQL("COMMENT ON ROLE {} IS {}")
    with translated(connection, "comment on a role"):
        connection.execute(statement.format(sql.Identifier(name), sql.Literal(f"{_MARK} {text}")))


def reassign_owned(connection: Connection, *, old: str, new: str) -> None:
    """REASSIGN OWNED BY `old` TO `new` in the connected database; CREATE on its schema goes to `new`, too.

    `old` must own no database: REASSIGN OWNED would reassign those too, anywhere in the cluster.
    """
    # The new owner of a function must have CREATE on the function's schema already.
    grant_create(connection, new)
    new_role, old_role = sql.Identifier(new), sql.Identifier(old)
    with translated(connection, "reassign a database's objects"), connection.transaction():
        connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(old_role, new_role))
        if connection.info.server_version >= _PUBLIC_SCHEMA_CLOSED:
            connection.execute(sql.SQL("REVOKE ALL ON SCHEMA public FROM {}").format(old_role))


def drop_owned(connection: Connection, name: str) -> None:
    """Drop the role's objects in the connected database, and revoke its privileges in and on it."""
    with translated(connection, "drop what a role owns"):
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))


def grant_create(connection: Connection, name: str) -> None:
    """Grant CREATE and USAGE on the schema `public` of the connected database to a role."""
    if connection.info.server_version >= _PUBLIC_SCHEMA_CLOSED:
        statement = sql.SQL("GRANT CREATE, USAGE ON SCHEMA public TO {}")
        with translated(connection, "grant CREATE on a schema"):
            connection.execute(statement.format(sql.Identifier(name)))


def check_rights(connection: Connection) -> None:
    """T7: the engine's role must have CREATEDB and CREATEROLE. Raises InsufficientRights."""
    with translated(connection, "read the engine role's attributes"):
        missing = missing_rights(connection)
    if missing:
        raise InsufficientRights(connection.info.user, missing)
