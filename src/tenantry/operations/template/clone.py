"""Clone a template into a spare: a finished copy with its own role and files, without a final name.

Every creation begins with a spare, made in advance or for that creation. A spare has no route, and its role
cannot log in until it is claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from tenantry.errors import TemplateNotFound, TemplateNotReady
from tenantry.model import names
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.progress import OnStep, ignore
from tenantry.model.recipe import as_numbers
from tenantry.odoo import scripts
from tenantry.odoo.initialise import installed_modules
from tenantry.operations.context import Context, relabel
from tenantry.operations.inventory import find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.postgres import bounded, databases, locks, roles, strategy
from tenantry.postgres.cluster import Connection, translated
from tenantry.postgres.notify import notify_spawner
from tenantry.spawner.identity import chown_folders

_WAIT_FOR_SWAP_S = 30
SANITIZED = "sanitize"
"""In the label of a clone: its template's identities and secrets were removed when it was made."""


@dataclass(frozen=True)
class Cloning:
    """The clone of a ready template into the database `name`.

    kind: the kind of the new database. on_copied: called when the database is copied; the other steps are
    cheap.
    """

    context: Context
    connection: Connection
    template: Database
    name: str
    kind: Kind = Kind.SPARE
    on_copied: Callable[[], None] = lambda: None

    @property
    def label(self) -> Label:
        assert self.template.label
        return Label(
            kind=self.kind,
            state=State.BUILDING,
            template=self.template.label.template,
            version=self.template.label.version,
            series=self.template.label.series,
            built_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        )


def _copy_database(cloning: Cloning) -> None:
    how = strategy.fastest(cloning.connection)
    strategy.prepare(cloning.connection, how)
    databases.clone(cloning.connection, cloning.template.name, cloning.name, how.clause, cloning.label)
    cloning.on_copied()


def _drop_database(cloning: Cloning) -> None:
    databases.drop(cloning.connection, cloning.name)


def _make_role(cloning: Cloning) -> None:
    roles.create(cloning.connection, cloning.name)
    roles.limit(cloning.connection, cloning.name)
    databases.grant_connect(cloning.connection, cloning.name, cloning.name)


def _drop_role(cloning: Cloning) -> None:
    databases.drop(cloning.connection, cloning.name)
    roles.drop(cloning.connection, cloning.name)


def _reassign_owned(cloning: Cloning) -> None:
    with cloning.context.cluster.connect(cloning.name) as inside:
        roles.reassign_owned(inside, old=names.TEMPLATE_OWNER, new=cloning.name)


def _sanitize(cloning: Cloning) -> None:
    """I6, in advance. It runs as the clone's role: the template may contain a trigger of its editor."""
    as_owner = cloning.context.as_locked_role(cloning.name, bounded.LONG_S)
    with as_owner as inside, translated(inside, "sanitize a clone"):
        script = scripts.sanitize_script(cloning.label.series, installed_modules(inside))
        with inside.transaction():
            inside.execute(script.encode())


def _link_filestore(cloning: Cloning) -> None:
    filestores = cloning.context.filestores
    filestores.copy(cloning.template.filestore, cloning.name)
    # Done in advance, while no visitor waits; else the spawner does it at the first wake.
    user = cloning.context.runtime.user_of(databases.oid(cloning.connection, cloning.name))
    chown_folders(filestores.folder(cloning.name), user)


def _remove_filestore(cloning: Cloning) -> None:
    cloning.context.filestores.remove(cloning.name)


def _enable_login(cloning: Cloning) -> None:
    roles.enable_login(cloning.connection, cloning.name, cloning.context.role_password(cloning.name))


def _mark_sanitized_and_ready(cloning: Cloning) -> None:
    ready = cloning.label.having(state=State.READY, finished=(SANITIZED,))
    databases.label(cloning.connection, cloning.name, ready)


def _mark_ready(cloning: Cloning) -> None:
    relabel(cloning.context, cloning.connection, cloning.name, cloning.label.having(state=State.READY))


STEPS: tuple[Step[Cloning], ...] = (
    Step("database", _copy_database, undo=_drop_database),
    Step("role", _make_role, undo=_drop_role),
    Step("ownership", _reassign_owned),
    Step("sanitize", _sanitize),
    Step("filestore", _link_filestore, undo=_remove_filestore),
    Step("ready", _mark_sanitized_and_ready),
)
EDIT_STEPS: tuple[Step[Cloning], ...] = (
    Step("database", _copy_database, undo=_drop_database),
    Step("role", _make_role, undo=_drop_role),
    Step("ownership", _reassign_owned),
    Step("filestore", _link_filestore, undo=_remove_filestore),
    Step("ready", _mark_ready),
)
"""Not sanitized: what is edited is the template itself, with everything that its author entered."""


ZYGOTE_STEPS: tuple[Step[Cloning], ...] = (
    Step("database", _copy_database, undo=_drop_database),
    Step("role", _make_role, undo=_drop_role),
    Step("ownership", _reassign_owned),
    Step("login", _enable_login),
    Step("ready", _mark_ready),
)
"""Without files: a zygote renders pages only to warm up, and serves none."""


def clone_template(
    context: Context,
    connection: Connection,
    code: str,
    name: str,
    on_step: OnStep = ignore,
    *,
    to_edit: bool = False,
    on_copied: Callable[[], None] = lambda: None,
) -> Database:
    """T3: make a spare called `name`; the remains of a killed run are discarded first.

    The caller locks it (`database_lock`) until it has its final name. on_copied: see Cloning.
    Raises TemplateNotFound, TemplateNotReady, ForeignDatabase, Busy, FilestoreFailure.
    """
    with using_template(connection, code) as template:
        steps = EDIT_STEPS if to_edit else STEPS
        cloning = Cloning(context, connection, template, name, on_copied=on_copied)
        return _clone_unless_ready(cloning, steps, on_step)


def ensure_zygote(context: Context, connection: Connection, code: str, on_step: OnStep = ignore) -> Database:
    """Make the database for the zygote of a template's current version, unless it exists.

    Raises TemplateNotFound, TemplateNotReady, Busy.
    """
    with using_template(connection, code) as template:
        return clone_for_zygote(context, connection, template, on_step)


def clone_for_zygote(
    context: Context, connection: Connection, template: Database, on_step: OnStep = ignore
) -> Database:
    """Make the zygote's database of a frozen template, which may not have its final name yet. Raises Busy."""
    assert template.label
    name = names.zygote_database(template.label.template, template.label.version)
    with database_lock(connection, name):
        cloning = Cloning(context, connection, template, name, Kind.ZYGOTE)
        return _clone_unless_ready(cloning, ZYGOTE_STEPS, on_step)


def _clone_unless_ready(cloning: Cloning, steps: tuple[Step[Cloning], ...], on_step: OnStep) -> Database:
    found = find_labelled(cloning.connection, cloning.name, cloning.kind)
    if found and found.label and found.label.state is State.READY:
        return found
    discard(cloning.context, cloning.connection, cloning.name)
    Operation("clone", cloning.name, steps, on_step).run(cloning)
    made = find_labelled(cloning.connection, cloning.name, cloning.kind)
    assert made
    return made


def drop_unused_zygotes(context: Context, connection: Connection, code: str, current: str) -> None:
    """Drop the zygotes' databases of versions that no instance has. current: a version that stays anyway."""
    alive = databases.listing(connection, Kind.INSTANCE, Kind.EDIT, Kind.KEPT)
    labels = [database.label for database in alive if database.label]
    versions = {label.version for label in labels if label.template == code}
    for database in databases.listing(connection, Kind.ZYGOTE):
        label = database.label
        if label and label.template == code and label.version not in versions | {current}:
            discard(context, connection, database.name)
            notify_spawner(connection, database.name)
            context.runtime.follow([database.name])


def latest_version(connection: Connection, code: str) -> str:
    """The latest version among all databases of a template; "" when there is none.

    A version is never used twice: an instance's process is forked from the zygote of its template's version,
    so two different templates must not have the same one.
    """
    labels = [database.label for database in databases.listing(connection) if database.label]
    versions = [label.version for label in labels if label.template == code and label.version]
    return max(versions, key=as_numbers, default="")


@contextmanager
def database_lock(connection: Connection, name: str, *, wait_s: float = _WAIT_FOR_SWAP_S) -> Iterator[None]:
    """Lock a database until it has its final name, so that no process claims or sweeps it meanwhile.

    Raises Busy after `wait_s`.
    """
    with locks.exclusive(connection, f"database {name}", wait_s=wait_s):
        yield


@contextmanager
def using_template(connection: Connection, code: str) -> Iterator[Database]:
    """The ready template, locked against a swap until the end of the block."""
    with locks.shared(connection, f"template {code}", wait_s=_WAIT_FOR_SWAP_S):
        yield ready_template(connection, code)


def ready_template(connection: Connection, code: str) -> Database:
    """Raises TemplateNotFound, TemplateNotReady (during its first build)."""
    template = find_labelled(connection, names.template_database(code), Kind.TEMPLATE)
    if template and template.label and template.label.state is State.READY:
        return template
    if template and template.label:
        raise TemplateNotReady(code, template.label.state)
    if find_labelled(connection, names.building_database(code), Kind.TEMPLATE):
        raise TemplateNotReady(code, State.BUILDING)
    raise TemplateNotFound(code)


def discard(context: Context, connection: Connection, name: str) -> None:
    """Remove a database, finished or not, with its files and role, as far as they exist."""
    databases.drop(connection, name)
    context.filestores.remove(name)
    roles.drop(connection, name)
