"""Clone a template into a spare: a finished copy with its own role and files, waiting for a name.

Every creation begins with one, made before the customer asked or right then. A spare has no
route, and its role cannot log in until it is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from tenantry.errors import TemplateNotFound, TemplateNotReady
from tenantry.model import names
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.progress import OnStep, ignore
from tenantry.operations.context import Context, find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.postgres import databases, locks, roles, strategy
from tenantry.postgres.cluster import Connection

_WAIT_FOR_SWAP_S = 30


@dataclass(frozen=True)
class Cloning:
    """Making the database `name` out of a ready template."""

    context: Context
    connection: Connection
    template: Database
    name: str

    @property
    def label(self) -> Label:
        assert self.template.label
        return Label(
            kind=Kind.SPARE,
            state=State.BUILDING,
            template=self.template.label.template,
            version=self.template.label.version,
            series=self.template.label.series,
            built_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        )


def _copy_database(cloning: Cloning) -> None:
    how = strategy.fastest(cloning.connection)
    strategy.prepare(cloning.connection, how)
    databases.clone(cloning.connection, cloning.template.name, cloning.name, how.clause)
    databases.label(cloning.connection, cloning.name, cloning.label)


def _drop_database(cloning: Cloning) -> None:
    databases.drop(cloning.connection, cloning.name)


def _make_role(cloning: Cloning) -> None:
    roles.create(cloning.connection, cloning.name)
    databases.let_in(cloning.connection, cloning.name, cloning.name)


def _drop_role(cloning: Cloning) -> None:
    databases.drop(cloning.connection, cloning.name)
    roles.drop(cloning.connection, cloning.name)


def _hand_over_contents(cloning: Cloning) -> None:
    with cloning.context.cluster.connect(cloning.name) as inside:
        roles.give_contents(inside, old=names.TEMPLATE_OWNER, new=cloning.name)


def _link_filestore(cloning: Cloning) -> None:
    cloning.context.filestores.copy(cloning.template.filestore, cloning.name)


def _remove_filestore(cloning: Cloning) -> None:
    cloning.context.filestores.remove(cloning.name)


def _mark_ready(cloning: Cloning) -> None:
    databases.label(cloning.connection, cloning.name, cloning.label.having(state=State.READY))


STEPS: tuple[Step[Cloning], ...] = (
    Step("database", _copy_database, undo=_drop_database),
    Step("role", _make_role, undo=_drop_role),
    Step("ownership", _hand_over_contents),
    Step("filestore", _link_filestore, undo=_remove_filestore),
    Step("ready", _mark_ready),
)


def clone_template(
    context: Context, connection: Connection, code: str, name: str, on_step: OnStep = ignore
) -> Database:
    """T3: make a spare called `name`; what a killed run left of it is thrown away first.

    Raises TemplateNotFound, TemplateNotReady, Busy, FilestoreFailure.
    """
    with using_template(connection, code) as template:
        found = find_labelled(connection, name, Kind.SPARE)
        if found and found.label and found.label.state is State.READY:
            return found
        discard(context, connection, name)
        cloning = Cloning(context, connection, template, name)
        Operation("clone", name, STEPS, on_step).run(cloning)
        return Database(name, cloning.label.having(state=State.READY))


@contextmanager
def using_template(connection: Connection, code: str) -> Iterator[Database]:
    """The ready template, which stays what it is until the end of the block."""
    with locks.shared(connection, f"template {code}", wait_s=_WAIT_FOR_SWAP_S):
        yield ready_template(connection, code)


def ready_template(connection: Connection, code: str) -> Database:
    """Raises TemplateNotFound, TemplateNotReady (while its first build goes on)."""
    template = find_labelled(connection, names.template_database(code), Kind.TEMPLATE)
    if template and template.label and template.label.state is State.READY:
        return template
    if template and template.label:
        raise TemplateNotReady(code, template.label.state)
    if find_labelled(connection, names.building_database(code), Kind.TEMPLATE):
        raise TemplateNotReady(code, State.BUILDING)
    raise TemplateNotFound(code)


def discard(context: Context, connection: Connection, name: str) -> None:
    """Remove all there is of a database, ready or half-made. Nothing there is fine."""
    databases.drop(connection, name)
    context.filestores.remove(name)
    roles.drop(connection, name)
