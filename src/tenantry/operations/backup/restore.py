"""Restore a backup as the data of an instance that exists: beside it, verified, then swapped by renames.

The instance is in use until the copy is complete. Its former data is kept, see `operations.instance.kept`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from tenantry.archive.load import find_archive
from tenantry.errors import BackupOfAnother, DataKept, NoRoomToRestore, RestoreDiffers
from tenantry.model import names
from tenantry.model.catalog import Database, Kind, Label
from tenantry.model.instance import Instance
from tenantry.model.progress import OnStep, ignore
from tenantry.model.states import Action, after
from tenantry.operations.context import Context
from tenantry.operations.instance.archives import place
from tenantry.operations.instance.contents import count_contents, limit_s
from tenantry.operations.instance.kept import EXCHANGE, Exchange, find_kept, settle
from tenantry.operations.instance.load import FromArchive, check_archive, load_instance
from tenantry.operations.instance.source import FIRST_STEPS
from tenantry.operations.inventory import describe, find_instance, find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.operations.template.clone import database_lock, discard
from tenantry.postgres import databases, locks
from tenantry.postgres.cluster import Connection

RESTORE = "restore"
_SIZE_RESTORED = 4
"""A database is at least so many times as large as its dump, which is compressed and has no indexes."""


@dataclass
class FromBackup(FromArchive):
    """The data of a backup, which gets the instance's name at the end."""

    @property
    def temporary_name(self) -> str:
        return names.restoring_database(self.name)

    @property
    def final_label(self) -> Label | None:
        """The instance's label, once this is its data, and the data that it had is kept."""
        label = find_instance(self.connection, self.name)
        is_it = label.restored_from == self.found.manifest.archive
        return label if is_it and find_kept(self.connection, self.name) else None

    def label(self) -> Label:
        return super().label().having(restored_from=self.found.manifest.archive)

    def discard(self) -> None:
        """Remove the copy, unless the instance has its files because an undo failed."""
        if find_instance(self.connection, self.name).filestore != self.temporary_name:
            discard(self.context, self.connection, self.temporary_name)


@dataclass(kw_only=True)
class Restoring(Exchange):
    """The restore of an instance."""

    source: FromBackup

    @property
    def facts(self) -> Label:
        return self.source.label()

    def discard(self) -> None:
        self.source.discard()


def _verify(restoring: Restoring) -> None:
    """Compare the number of each table's rows. The files were compared when they were written."""
    context, made, manifest = restoring.context, restoring.incoming, restoring.source.found.manifest
    size = databases.sizes_bytes(restoring.connection, made).get(made, 0)
    with context.as_locked_role(made, limit_s(size)) as inside:
        rows = count_contents(inside).rows
    differing = sorted(table for table, count in manifest.rows.items() if rows.get(table) != count)
    if differing:
        raise RestoreDiffers(manifest.archive, differing[:10])


def _is_restored(restoring: Restoring) -> bool:
    return restoring.was_made


STEPS: tuple[Step[Restoring], ...] = (
    *FIRST_STEPS,
    Step("verify", _verify, is_done=_is_restored),
    *EXCHANGE,
)


def restore(context: Context, backup: str, name: str, on_step: OnStep = ignore) -> Instance:
    """Let the instance `name` have the data of its backup in the server's store, and keep the data it had.

    If there is no instance of that name, make a stopped one. A failed restore leaves the instance as it was,
    and a killed one is run again. A finished one is not made again while the former data is kept. Raises
    BackupOfAnother, DataKept, NoRoomToRestore, RestoreDiffers, InvalidTransition, ProbeFailed, and the errors
    of `load_instance`.
    """
    url = context.settings.backups_url
    source = place(context, url)
    found = find_archive(source.store, source.keys, backup)
    with context.maintenance() as connection:
        if not _exists(connection, name, backup):
            return load_instance(context, url, backup, name, on_step)
        with locks.exclusive(connection, f"instance {name}"):
            settle(context, connection, name)
            copy = FromBackup(context, connection, name, source, found)
            if not copy.final_label:
                _check(copy)
            with database_lock(connection, copy.temporary_name):
                Operation("restore", name, STEPS, on_step).run(_restoring(copy))
            return describe(context, Database(name, find_instance(connection, name)))


def _restoring(copy: FromBackup) -> Restoring:
    return Restoring(
        context=copy.context,
        connection=copy.connection,
        name=copy.name,
        work=RESTORE,
        incoming=copy.temporary_name,
        keeps_undone=False,
        hosts=(copy.found.manifest.host,),
        was_made=copy.final_label is not None,
        source=copy,
    )


def _exists(connection: Connection, name: str, archive: str) -> bool:
    """Whether there is the instance, and not what a killed load of this archive left."""
    found = find_labelled(connection, name, Kind.INSTANCE)
    if not found or not found.label:
        return False
    is_half_loaded = found.label.filestore == names.loading_database(name)
    return not (is_half_loaded and found.label.reference == f"archive {archive}")


def _check(copy: FromBackup) -> None:
    """Check everything that can be checked before the first step."""
    name, manifest, label = copy.name, copy.found.manifest, find_instance(copy.connection, copy.name)
    after(name, label.state, Action.RESTORE)
    if manifest.label.get("identity") != label.identity_of(name):
        raise BackupOfAnother(manifest.archive, manifest.name, name)
    if find_kept(copy.connection, name):
        raise DataKept(name)
    check_archive(copy)
    _check_room(copy)


def _check_room(copy: FromBackup) -> None:
    settings, manifest = copy.context.settings, copy.found.manifest
    in_cluster = 0 if settings.pg_dsn else _SIZE_RESTORED * manifest.dump.size_bytes
    needed = in_cluster + sum(member.size_bytes for member in manifest.files)
    free = shutil.disk_usage(settings.home).free
    if needed > free:
        raise NoRoomToRestore(manifest.archive, needed >> 20, free >> 20)
