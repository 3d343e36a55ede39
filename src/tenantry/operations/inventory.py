"""Look up databases and instances, without changing any."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tenantry.errors import Busy, InstanceNotFound
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.instance import Instance
from tenantry.model.states import Action, after
from tenantry.operations.context import Context
from tenantry.postgres import databases
from tenantry.postgres.cluster import Connection, translated


def find_labelled(connection: Connection, name: str, kind: Kind) -> Database | None:
    """The database of that name if it is one of ours and of that kind."""
    database = databases.find(connection, name)
    return database if database and database.label and database.label.kind is kind else None


def find_instance(connection: Connection, name: str) -> Label:
    """The label of an instance. Raises InstanceNotFound."""
    database = find_labelled(connection, name, Kind.INSTANCE)
    if not (database and database.label):
        raise InstanceNotFound(name)
    return database.label


def find_here(connection: Connection, name: str) -> Label:
    """The label of an instance that is to be changed on this server.

    Raises InstanceNotFound; Busy while it moves, and InvalidTransition when it has moved.
    """
    label = find_instance(connection, name)
    if label.state is State.MOVING:
        raise Busy(name)
    after(name, label.state, Action.CHANGE)
    return label


def describe(context: Context, database: Database, size_bytes: int = 0) -> Instance:
    """size_bytes: the size of its database; 0 if it is not needed."""
    assert database.label
    label = database.label
    return Instance(
        name=database.name,
        state=label.state,
        url=context.address(database.name).url,
        template=label.template,
        template_version=label.version,
        hostnames=label.hostnames,
        size_bytes=size_bytes,
        reference=label.reference,
        moved_to=label.moved_to,
        is_copy=bool(label.copy_of),
        expires_at=moment(label.expires_at) if label.expires_at else "",
    )


def moment(seconds: float) -> str:
    """A time in UTC, ISO 8601. seconds: since 1970."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def list_instances(context: Context) -> list[Instance]:
    with context.maintenance() as connection:
        found = databases.listing(connection, Kind.INSTANCE)
        sizes = databases.sizes_bytes(connection, *(database.name for database in found))
    return [describe(context, database, sizes.get(database.name, 0)) for database in found]


def show_instance(context: Context, name: str) -> Instance:
    """An instance with its administrator's login, read from its own database. Raises InstanceNotFound."""
    with context.maintenance() as connection:
        database = Database(name, find_instance(connection, name))
        sizes = databases.sizes_bytes(connection, name)
    found = describe(context, database, sizes.get(name, 0))
    if found.moved_to:  # its data is elsewhere
        return found
    return replace(found, login=_administrator(context, name))


def find_by_reference(context: Context, reference: str) -> Instance | None:
    """The instance of that creation, even if it was renamed, without its size; None if there is none."""
    with context.maintenance() as connection:
        found = databases.listing(connection, Kind.INSTANCE)
    of_it = (database for database in found if database.label and database.label.reference == reference)
    return next((describe(context, database) for database in of_it), None) if reference else None


def _administrator(context: Context, name: str) -> str:
    query = """
        SELECT left(login, 254) FROM res_users WHERE id =
            (SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'user_admin')
    """
    with context.as_tenant(name) as inside, translated(inside, "read the administrator's login"):
        row = inside.execute(query).fetchone()
    return str(row[0]) if row else ""
