"""The parts of a move at the server that the instance arrives at: `stage`, `receive`, `arrive` and `settle`.

`discard` undoes them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from tenantry.archive.load import Found, decrypted, find_archive, get_files, restore_in_parallel, schema_of
from tenantry.errors import InvalidTransition, MoveUnsupported, NameTaken, ProbeFailed
from tenantry.model import names
from tenantry.model.address import subdomain_host
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.instance import Instance
from tenantry.model.move import Whereabouts
from tenantry.model.progress import ignore
from tenantry.model.states import Action, after
from tenantry.odoo.probe import wait_for_status
from tenantry.operations.context import Context, name_files, relabel
from tenantry.operations.fleet.addresses import write_address
from tenantry.operations.instance.archives import client, major
from tenantry.operations.instance.availability import check_free, check_hostnames, name_locks
from tenantry.operations.instance.dump import MOVED_LABEL_FIELDS
from tenantry.operations.instance.load import FromArchive
from tenantry.operations.instance.modules import check_modules
from tenantry.operations.instance.moves import (
    archives_folder,
    archives_place,
    check_run,
    drop_former,
    give_name,
)
from tenantry.operations.instance.source import FIRST_STEPS
from tenantry.operations.inventory import describe, find_instance, find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.operations.template.clone import database_lock
from tenantry.operations.template.clone import discard as discard_database
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import Connection
from tenantry.postgres.notify import notify_spawner
from tenantry.spawner.identity import chown_folders, chown_sessions

_OK = 200


def check(context: Context, name: str, there: Whereabouts) -> None:
    """Check what can be checked before anything is copied. there: of the server that it leaves.

    Raises MoveUnsupported, ModuleNotFound, NameTaken, Busy.
    """
    here = context.settings
    with context.maintenance() as connection, name_locks(connection, [name], ()):
        if there.series != here.odoo_series:
            raise MoveUnsupported(name, here.name, f"Odoo {there.series}", f"Odoo {here.odoo_series}")
        if there.postgres > major(connection):
            wanted, given = f"PostgreSQL {there.postgres}", f"PostgreSQL {major(connection)}"
            raise MoveUnsupported(name, here.name, wanted, given)
        if there.modules:
            check_modules(context, there.modules)
        _check_name(context, connection, name, there.identity)


def _check_name(context: Context, connection: Connection, name: str, identity: str) -> None:
    """Refuse a name that is taken, but not by the same instance, which was here before."""
    found = find_labelled(connection, name, Kind.INSTANCE)
    if found and found.label and found.label.identity_of(name) == identity:
        if found.label.state is not State.MOVED and not found.label.is_arriving:
            raise NameTaken(name)
    else:
        check_free(context, connection, name)


def stage(context: Context, origin: str, name: str, archive: str) -> None:
    """Load the files of an archive and its database's schema in advance, while the instance is in use.

    Raises as `load_instance`.
    """
    source = archives_place(context, origin, name)
    found = find_archive(source.store, source.keys, archive)
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        context.filestores.make(
            names.staging_folder(name),
            lambda open_file: get_files(source.store, found, source.keys, open_file),
        )
        arriving = Arriving(context, connection, name, source, found)
        with database_lock(connection, arriving.temporary_name):
            arriving.make_schema()


@dataclass
class Arriving(FromArchive):
    """An instance that arrives with an archive. run: of the move. staged: the archive that was staged.

    has_schema: its database is there already, without rows.
    """

    run: str = ""
    staged: Found | None = None
    has_schema: bool = False

    @property
    def dump(self) -> Path:
        """The decrypted dump, in the folder of the archives, which is removed after a killed move, too."""
        store = self.place.store
        return decrypted(store, self.found, self.place.keys, Path(store.url))

    @property
    def schema(self) -> str:
        return schema_of(client(self.context, self.connection, "pg_restore"), self.dump)

    def make_schema(self) -> None:
        """Make the database without rows in advance; its label says of which schema it is."""
        super().prepare()
        with self.restoring() as (pg_restore, environment):
            restore_in_parallel(pg_restore, environment, self.dump, self.found, ["pre-data"])
        label = self.unfinished_label()
        databases.label(self.connection, self.temporary_name, label.having(reference=self.schema))

    def prepare(self) -> None:
        """Keep the database that was made in advance, if its schema has not changed since."""
        found = find_labelled(self.connection, self.temporary_name, Kind.SPARE)
        self.has_schema = bool(found and found.label and found.label.reference == self.schema)
        if self.has_schema:
            # A killed run may have begun to restore rows.
            label = self.unfinished_label()
            databases.label(self.connection, self.temporary_name, label)
        else:
            super().prepare()

    def make_database(self) -> None:
        sections = ["data", "post-data"] if self.has_schema else ["pre-data", "data", "post-data"]
        with self.restoring() as (pg_restore, environment):
            restore_in_parallel(pg_restore, environment, self.dump, self.found, sections)

    @property
    def identity(self) -> str:
        return str(self.found.manifest.label["identity"])

    @property
    def final_label(self) -> Label | None:
        """The label of the instance, once it has its name."""
        found = find_labelled(self.connection, self.name, Kind.INSTANCE)
        label = found.label if found else None
        return label if label and label.is_arriving and label.move == self.run else None

    def make_files(self) -> None:
        context, made, place = self.context, self.temporary_name, self.place
        staged = {member.path: member for member in self.staged.manifest.files} if self.staged else {}
        manifest = self.found.manifest
        there = {member.path for member in manifest.files if staged.get(member.path) == member}
        missing = tuple(member for member in manifest.files if member.path not in there)
        found = replace(self.found, manifest=replace(manifest, files=missing))

        def write(open_file: Callable[[str], BinaryIO]) -> None:
            get_files(place.store, found, place.keys, open_file)

        context.filestores.make(
            made, write, base=names.staging_folder(self.name) if there else "", keep=there
        )
        self._give_away(context.filestores.folder(made))

    def _give_away(self, folder: Path) -> None:
        """Give the folders to the tenant's user, and the sessions."""
        user = self.context.runtime.user_of(databases.oid(self.connection, self.temporary_name))
        chown_folders(folder, user)
        chown_sessions(folder, user)

    @property
    def named(self) -> Label:
        """The label that it gets with its name."""
        manifest, own = self.found.manifest, subdomain_host(self.name, self.context.settings.base_domain)
        facts = {key: manifest.label[key] for key in MOVED_LABEL_FIELDS}
        hosts = [manifest.host, *facts["former_hosts"]]
        return self.label().having(
            state=State.MOVING,
            filestore=self.temporary_name,
            identity=self.identity,
            move=self.run,
            links_since=facts["links_since"],
            reference=facts["reference"],
            hostnames=tuple(facts["hostnames"]),
            former_hosts=tuple(host for host in dict.fromkeys(hosts) if host != own),
        )

    def discard(self) -> None:
        context, connection, name = self.context, self.connection, self.name
        label = self.final_label
        if label:
            _give_back(context, connection, name, label)
        discard_database(context, connection, self.temporary_name)


@dataclass
class Receiving:
    """The arrival of an instance."""

    context: Context
    connection: Connection
    name: str
    source: Arriving

    def discard(self) -> None:
        self.source.discard()


def _is_named(subject: Receiving) -> bool:
    return subject.source.has_database


def _name(subject: Receiving) -> None:
    """Give the database its name, and what has that name the name of a former one, in one transaction."""
    connection, source, name = subject.connection, subject.source, subject.name
    before = find_labelled(connection, name, Kind.INSTANCE)
    label = source.named
    with databases.transaction(connection):
        if before and before.label:
            give_name(connection, name, names.former_database(name), before.label.having(kind=Kind.FORMER))
            label = label.having(version=before.label.version)  # it is a clone of our template, as before
        give_name(connection, source.temporary_name, name, label)
        notify_spawner(connection, name)
    subject.context.runtime.follow([name])


def _name_files(subject: Receiving) -> None:
    context, name, filestores = subject.context, subject.name, subject.context.filestores
    former = names.former_database(name)
    label = find_instance(subject.connection, name)
    if label.filestore and filestores.exists(label.filestore) and filestores.exists(name):
        filestores.rename(name, former)
    name_files(context, subject.connection, name)


def _has_files(subject: Receiving) -> bool:
    label = subject.source.final_label
    return bool(label and not label.filestore)


RECEIVE: tuple[Step[Receiving], ...] = (
    *FIRST_STEPS,
    Step("name", _name, is_done=_is_named),
    Step("filestore", _name_files, is_done=_has_files),
)


def receive(
    context: Context,
    origin: str,
    name: str,
    archive: str,
    run: str,
    staged: str = "",
) -> int:
    """Load the archive as the instance, which is held until it arrives; return how many files it has.

    staged: the archive whose files were staged. Raises NameTaken, Busy, and what loading an archive raises.
    """
    source = archives_place(context, origin, name)
    found = find_archive(source.store, source.keys, archive)
    before = find_archive(source.store, source.keys, staged) if staged else None
    hostnames = found.manifest.label["hostnames"]
    with context.maintenance() as connection, name_locks(connection, [name], hostnames):
        arriving = Arriving(context, connection, name, source, found, run, before)
        if not arriving.final_label:
            _check_name(context, connection, name, arriving.identity)
            check_hostnames(context, connection, name, hostnames)
        with database_lock(connection, arriving.temporary_name):
            receiving = Receiving(context, connection, name, arriving)
            Operation("receive", name, RECEIVE, ignore).run(receiving)
        return len(found.manifest.files)


def arrive(context: Context, name: str, run: str) -> Instance:
    """Serve the instance here from now on, and see it answer.

    If it does not answer, it is held again. Raises InstanceNotFound, InvalidTransition, Busy, ProbeFailed.
    """
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        label = find_instance(connection, name)
        state = after(name, label.state, Action.ACTIVATE)
        if label.is_arriving:
            check_run(name, label, run)
            own_host = subdomain_host(name, context.settings.base_domain)
            write_address(context, name, name, [own_host, *label.former_hosts])
            roles.enable_login(connection, name, context.role_password(name))
            relabel(context, connection, name, label.having(state=state, move=""))
        try:
            wait_for_status(context.route(name), _OK, timeout_s=context.settings.probe_timeout_s)
        except ProbeFailed:
            if label.is_arriving:
                relabel(context, connection, name, label)
                roles.disable_login(connection, name)
                databases.end_sessions(connection, name)
            raise
        return describe(context, Database(name, find_instance(connection, name)))


def front_of(context: Context, name: str) -> str:
    """The host and port of this server's front. Raises ServerNotStarted."""
    upstream = context.runtime.upstream(name)
    return f"{upstream.host}:{upstream.port}"


def discard(context: Context, origin: str, name: str, identity: str) -> None:
    """Remove a copy that has not arrived, and what was made for it.

    identity: the instance's; another one of that name stays. Raises Busy, and InvalidTransition if it has
    arrived.
    """
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        found = find_labelled(connection, name, Kind.INSTANCE)
        label = found.label if found else None
        if label and label.identity_of(name) == identity and label.state is not State.MOVED:
            if not label.is_arriving:
                raise InvalidTransition(name, label.state, Action.LEAVE)
            _give_back(context, connection, name, label)
        discard_database(context, connection, names.loading_database(name))
        _clean(context, origin, name)


def _give_back(context: Context, connection: Connection, name: str, label: Label) -> None:
    """Remove the copy that was to arrive, and give the name back to what had it before.

    The folder of its name is the former's until the copy's files are named.
    """
    made, former, filestores = names.loading_database(name), names.former_database(name), context.filestores
    before = databases.find(connection, former)
    kept_there = before and before.label and not before.label.filestore and not filestores.exists(former)
    for folder in filter(None, (label.filestore, "" if kept_there else name)):
        filestores.remove(folder)
    with databases.transaction(connection):
        give_name(connection, name, made, label.having(kind=Kind.SPARE, state=State.BUILDING))
        if before and before.label:
            kept = former if filestores.exists(former) else before.label.filestore
            give_name(connection, former, name, before.label.having(kind=Kind.INSTANCE, filestore=kept))
        notify_spawner(connection, name)
    context.runtime.follow([name])
    if before:
        name_files(context, connection, name)


def settle(context: Context, origin: str, name: str) -> None:
    """Remove what was needed for the move only, and the data from before, if it was here before."""
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        drop_former(context, connection, name)
        _clean(context, origin, name)


def _clean(context: Context, origin: str, name: str) -> None:
    context.filestores.remove(names.staging_folder(name))
    shutil.rmtree(archives_folder(context, origin, name), ignore_errors=True)
