"""The data that an instance had before a restore: a database with its role and files, beside those in use.

An exchange swaps it, or a copy that was just loaded, with the data in use: database and role by renames in
one transaction, then the folders of the files. Meanwhile the instance is held, and its visitors wait.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass

from tenantry.agreed import ENTITLEMENTS_PARAMETER
from tenantry.errors import Tampered, TenantryError
from tenantry.model import names
from tenantry.model.address import subdomain_host
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.signing import now_us
from tenantry.model.states import Action, after
from tenantry.odoo import scripts
from tenantry.operations.context import Context, name_files, relabel
from tenantry.operations.fleet.addresses import write_address
from tenantry.operations.inventory import find_instance, find_labelled
from tenantry.operations.steps import Step
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import Connection, translated
from tenantry.postgres.notify import notify_spawner
from tenantry.spawner.identity import chown_sessions

_logger = logging.getLogger(__name__)

_OK, _UNAVAILABLE = 200, 503
_OF_THE_DATA = ("template", "version", "series", "built_at", "restored_from")
"""The fields of a label that are of the data; the others are of the instance, whatever data it has."""
_MAX_STATEMENT = 20_000
UNDO = "undo"


def find_kept(connection: Connection, name: str) -> Database | None:
    """The database with an instance's kept data."""
    return find_labelled(connection, names.kept_database(name), Kind.KEPT)


def drop_kept(context: Context, connection: Connection, name: str) -> None:
    """Remove an instance's kept data, and what a killed restore left. The caller has the instance's lock."""
    kept = names.kept_database(name)
    found = databases.find(connection, kept)
    if found:
        context.filestores.remove(found.filestore)
    for database in (kept, names.restoring_database(name)):
        discard(context, connection, database)
    context.filestores.remove(names.aside_database(name))


@dataclass
class Exchange:
    """The database `incoming` becomes the instance's; the one in use is kept, or is to be discarded.

    work: in the label, what the exchange is for. keeps: whether the data in use is kept.
    keeps_undone: whether the data that came in is kept when the exchange is undone.
    hosts: further hosts of the address that the data may have.
    was_made: an earlier run, which may have been killed, has made it. is_made: this run has.
    """

    context: Context
    connection: Connection
    name: str
    work: str
    incoming: str
    keeps: bool = True
    keeps_undone: bool = True
    hosts: tuple[str, ...] = ()
    was_made: bool = False
    is_made: bool = False

    @property
    def label(self) -> Label:
        return find_instance(self.connection, self.name)

    @property
    def facts(self) -> Label:
        """The label of the data that comes in."""
        found = databases.find(self.connection, self.incoming)
        assert found
        assert found.label
        return found.label

    def carry_plan(self) -> None:
        """Write the address, and the signed plan that is in force, into the data that comes in.

        Without the plan nothing can be added there: the instance believes no statement older than that one.
        A tenant that prevents it does not stop the exchange.
        """
        context, label, statement = self.context, self.label, _statement_of(self.context, self.name)
        own_host = subdomain_host(self.name, context.settings.base_domain)
        write_address(context, self.incoming, self.name, [own_host, *label.former_hosts, *self.hosts])
        with (
            contextlib.suppress(Tampered),
            context.as_locked_role(self.incoming) as inside,
            inside.transaction(),
        ):
            inside.execute("SELECT set_config('tenantry.entitlements', %s, true)", [statement])
            inside.execute(scripts.entitle_script(label.series).encode())

    def hold(self) -> None:
        """When this returns, nothing writes to the instance; its visitors wait."""
        context, connection, name, label = self.context, self.connection, self.name, self.label
        state = after(name, label.state, Action.RESTORE)
        swap = f"{self.work} {databases.oid(connection, self.incoming)}"
        relabel(context, connection, name, label.having(state=state, swap=swap, published=False))
        roles.disable_login(connection, name)
        databases.end_sessions(connection, name)

    def carry_sessions(self) -> None:
        """Let users who are logged in stay so: their sessions come to the data that comes in."""
        context, filestores = self.context, self.context.filestores
        target = self.facts.filestore or self.incoming
        filestores.copy_sessions(self.label.filestore or self.name, target)
        user = context.runtime.user_of(databases.oid(self.connection, self.incoming))
        chown_sessions(filestores.folder(target), user)

    def swap(self) -> None:
        """Exchange the names of both databases and their roles, and their labels, in one transaction."""
        connection, name, aside = self.connection, self.name, names.aside_database(self.name)
        outgoing, named, left = self._outgoing, self._named, self._left
        with databases.transaction(connection):
            for old, new in ((name, aside), (self.incoming, name), (aside, outgoing)):
                databases.rename(connection, old, new)
                roles.rename(connection, old, new)
            databases.label(connection, name, named)
            databases.label(connection, outgoing, left)
            notify_spawner(connection, name)
        self.is_made = True
        self.context.runtime.follow([name])

    @property
    def _outgoing(self) -> str:
        return names.kept_database(self.name) if self.keeps else names.restoring_database(self.name)

    @property
    def _named(self) -> Label:
        """The instance's label, with what is of the data that comes in."""
        label, facts = self.label, self.facts
        return label.having(
            **{key: getattr(facts, key) for key in _OF_THE_DATA},
            filestore=facts.filestore or self.incoming,
            finished=tuple(dict.fromkeys((*facts.finished, *label.finished))),
            links_since=now_us(),
        )

    @property
    def _left(self) -> Label:
        """The label of the data that was in use."""
        label = self.label.having(filestore=self.label.filestore or self.name, swap="")
        if self.keeps:
            return label.having(kind=Kind.KEPT, state=State.STOPPED, kept_at=time.time())
        return label.having(kind=Kind.SPARE, state=State.BUILDING)

    def name_folders(self) -> None:
        """See the function of that name."""
        name_folders(self.context, self.connection, self.name)

    def release(self) -> None:
        """See the function of that name."""
        release(self.context, self.connection, self.name)

    def probe(self) -> None:
        """See the instance answer as its state says. Raises ProbeFailed."""
        self.context.expect(self.name, _OK if self.label.state is State.ACTIVE else _UNAVAILABLE)

    def undo(self) -> None:
        """Let the instance have the data that it had."""
        if not self.is_made:
            settle(self.context, self.connection, self.name)
            return
        self.name_folders()
        kept = names.kept_database(self.name)
        back = Exchange(self.context, self.connection, self.name, UNDO, kept, keeps=self.keeps_undone)
        for run in (back.hold, back.swap, back.name_folders, back.release):
            run()


def _was_made(exchange: Exchange) -> bool:
    return exchange.was_made


def _is_released(exchange: Exchange) -> bool:
    return not exchange.label.swap


EXCHANGE: tuple[Step[Exchange], ...] = (
    Step("plan", Exchange.carry_plan, is_done=_was_made, undo=Exchange.undo),
    Step("hold", Exchange.hold, is_done=_was_made),
    Step("sessions", Exchange.carry_sessions, is_done=_was_made),
    Step("swap", Exchange.swap, is_done=_was_made),
    Step("filestore", Exchange.name_folders),
    Step("start", Exchange.release, is_done=_is_released),
    Step("probe", Exchange.probe),
)


def _statement_of(context: Context, name: str) -> str:
    """The signed statement in an instance's database; "" if it cannot be read. The instance verifies it."""
    query = "SELECT left(value, %s) FROM ir_config_parameter WHERE key = %s"
    try:
        with context.as_tenant(name) as inside, translated(inside, "read the entitlements"):
            row = inside.execute(query, [_MAX_STATEMENT, ENTITLEMENTS_PARAMETER]).fetchone()
    except TenantryError as error:
        _logger.warning("the plan of %s cannot be read: %s", name, error)
        return ""
    return str(row[0]) if row and row[0] else ""


def name_folders(context: Context, connection: Connection, name: str) -> None:
    """Give the folders of files the names that their databases have had since the exchange.

    The label of a database names the folder until then. The folder with the instance's name goes first.
    """
    aside, filestores = names.aside_database(name), context.filestores
    left = _left_unnamed(connection, name)
    if left and left.label and left.filestore == name:
        if filestores.exists(name):
            filestores.rename(name, aside)
        relabel(context, connection, left.name, left.label.having(filestore=aside))
    if find_instance(connection, name).filestore:
        name_files(context, connection, name)
    if left:
        name_files(context, connection, left.name)


def _left_unnamed(connection: Connection, name: str) -> Database | None:
    """The database with the data that was in use, if its folder has another name than it."""
    candidates = (names.kept_database(name), names.restoring_database(name))
    found = [databases.find(connection, candidate) for candidate in candidates]
    return next((it for it in found if it and it.label and it.label.filestore), None)


def release(context: Context, connection: Connection, name: str) -> None:
    """Let the instance be as it was before it was held."""
    label = find_instance(connection, name)
    state = after(name, label.state, Action.END_RESTORE)
    if state is State.ACTIVE:
        roles.enable_login(connection, name, context.role_password(name))
    relabel(context, connection, name, label.having(state=state, swap=""))


def settle(context: Context, connection: Connection, name: str) -> str:
    """Finish an exchange that a killed run had made, or let go the instance that it held.

    Returns what the finished exchange was for; "" if there was none. The caller has the instance's lock.
    """
    label = find_instance(connection, name)
    if not label.swap or label.state is State.TERMINATING:
        return ""
    work, _, number = label.swap.rpartition(" ")
    was_made = databases.oid(connection, name) == int(number)
    if was_made:
        name_folders(context, connection, name)
    release(context, connection, name)
    return work if was_made else ""
