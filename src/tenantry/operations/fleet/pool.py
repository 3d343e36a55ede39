"""The pool: spares that are made in advance, and claimed by a rename."""

from __future__ import annotations

import contextlib
import secrets
import time

from tenantry.errors import Busy, DatabaseInUse, ForeignDatabase
from tenantry.model import names
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.progress import OnStep, StepEvent, StepStatus, ignore
from tenantry.operations.context import Context
from tenantry.operations.template.clone import (
    clone_template,
    database_lock,
    discard,
    ensure_zygote,
    ready_template,
    using_template,
)
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import Connection
from tenantry.postgres.notify import notify_spawner


def spares(connection: Connection, code: str = "") -> list[Database]:
    """The spares of one template, or of all, the oldest first; unfinished ones are among them."""
    found = databases.listing(connection, Kind.SPARE)
    of_template = [s for s in found if s.label and code in ("", s.label.template)]
    return sorted(of_template, key=lambda spare: spare.label.built_at if spare.label else "")


def is_usable(spare: Database, template: Database) -> bool:
    """Whether it is finished and of the template's current version."""
    if not (spare.label and template.label and spare.is_whole) or spare.name.startswith(names.CLONE_PREFIX):
        return False
    return spare.label.state is State.READY and spare.label.version == template.label.version


def usable(connection: Connection, template: Database) -> list[Database]:
    """The spares of a template that can be claimed, the oldest first."""
    assert template.label
    return [spare for spare in spares(connection, template.label.template) if is_usable(spare, template)]


def fill(context: Context, code: str, size: int, on_step: OnStep = ignore) -> int:
    """Fill a template's pool to `size` spares of its current version; return how many were made.

    Unfinished and outdated spares are removed first. Raises TemplateNotFound, TemplateNotReady.
    """
    with context.maintenance() as connection:
        sweep(context, connection, code)
        ensure_zygote(context, connection, code)
        wanted = range(len(usable(connection, ready_template(connection, code))), size)
        for made, _ in enumerate(wanted, start=1):
            began, name = time.monotonic(), names.new_spare_database(code)
            with database_lock(connection, name):
                clone_template(context, connection, code, name)
            took_s = time.monotonic() - began
            on_step(StepEvent("fill", code, name, StepStatus.DONE, made / len(wanted), took_s))
        return len(wanted)


def sweep(context: Context, connection: Connection, code: str) -> None:
    """Remove unusable spares: outdated ones, and unfinished ones of killed processes.

    Spares that another process works on are locked, and stay; databases that are not ours stay, too.
    """
    template = ready_template(connection, code)
    labelled = {spare.name for spare in spares(connection, code)}
    for name in sorted(labelled | _without_label(context, connection, code)):
        with contextlib.suppress(Busy, ForeignDatabase), database_lock(connection, name, wait_s=0):
            if name not in _names_in_use(connection, template):
                discard(context, connection, name)


def _names_in_use(connection: Connection, template: Database) -> set[str]:
    """The usable spares, and the folders of claimed ones whose files still have the old name.

    Whatever has become of a claimed one: it may be in quarantine, or a former one, by now.
    """
    others = databases.listing(connection, *(set(Kind) - {Kind.SPARE}))
    claimed = {database.filestore for database in others}
    return {spare.name for spare in usable(connection, template)} | claimed


def _without_label(context: Context, connection: Connection, code: str) -> set[str]:
    """Databases, roles and folders without a label, with the name of a spare or of something being made."""
    labelled = {database.name for database in databases.listing(connection)}
    everything = databases.names(connection) | roles.ours(connection) | context.filestores.names()
    stems = {name.removesuffix(".partial") for name in everything} - labelled
    prefixes = (names.spare_prefix(code), names.CLONE_PREFIX, names.LOADING_PREFIX, names.RESTORING_PREFIX)
    return {name for name in stems if name.startswith(prefixes)}


def claim(context: Context, connection: Connection, code: str, name: str, label: Label) -> str | None:
    """Turn the oldest usable spare into the database `name`; return the spare's old name.

    One transaction changes the database, its role, the role's password and the label. Returns None when there
    is no usable spare. A spare with a session, such as that of a backup of all databases, is not used. The
    files keep the old name for now, and the new label says it.
    """
    with using_template(connection, code) as template:
        for spare in _without_sessions(connection, usable(connection, template)):
            with contextlib.suppress(Busy, DatabaseInUse), database_lock(connection, spare.name, wait_s=0):
                if databases.find(connection, spare.name):
                    name_spare(context, connection, spare, name, label)
                    return spare.name
    return None


def _without_sessions(connection: Connection, found: list[Database]) -> list[Database]:
    """The databases without sessions: for others PostgreSQL waits five seconds before it refuses a rename."""
    in_use = databases.with_sessions(connection)
    return [database for database in found if database.name not in in_use]


def name_spare(context: Context, connection: Connection, spare: Database, name: str, label: Label) -> None:
    """Rename a spare and enable its role's login. Raises DatabaseExists, DatabaseInUse."""
    assert spare.label
    named = label.having(
        version=spare.label.version,
        series=spare.label.series,
        filestore=spare.filestore,
        finished=spare.label.finished,
        identity=secrets.token_hex(16),
    )
    with databases.transaction(connection):
        databases.rename(connection, spare.name, name)
        roles.rename(connection, spare.name, name)
        roles.enable_login(connection, name, context.role_password(name))
        databases.label(connection, name, named)
        notify_spawner(connection, name)
