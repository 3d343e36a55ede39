"""Dump an instance into an archive, while it is in use or stopped. The instance is not changed.

Odoo only adds files, and our module puts garbage aside instead of removing it. So the files are read before
and after the database: together they include every file that the database refers to.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tenantry.archive.dump import dump_database, put_files, put_files_aside, put_manifest
from tenantry.archive.format import LONGEST_DUMP_S, Archive, Manifest, Member, Stored, dump_path
from tenantry.errors import DumpFailed, ProgramFailed, Tampered, TenantryError
from tenantry.model import names, signing
from tenantry.model.address import subdomain_host
from tenantry.model.backup import new_name
from tenantry.model.catalog import Label, State
from tenantry.model.progress import OnStep, ignore
from tenantry.model.secret import random_key
from tenantry.model.states import Action, after
from tenantry.odoo.initialise import installed_modules
from tenantry.operations.context import Context
from tenantry.operations.instance.archives import Place, client, major, place
from tenantry.operations.instance.contents import Contents, count_contents, limit_s, unknown
from tenantry.operations.inventory import find_instance
from tenantry.operations.steps import Operation, Step
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import Cluster, Connection, is_alive, translated
from tenantry.postgres.programs import service

_WAIT_FOR_TURN_S, _TURN_OF_HELD_WITHIN_S = 3600, 10
KEPT_LABEL_FIELDS = (
    *("finished", "seats", "counted_seats", "entitled_since", "limits"),
    *("copy_of", "expires_at"),
)
"""The fields of a label that stay true when the database moves to another installation."""
MOVED_LABEL_FIELDS = ("hostnames", "former_hosts", "links_since", "reference")
"""Those that also stay true when the instance itself moves to another server."""


@dataclass
class Dumping:
    """The dump of an instance into the archive called `archive`.

    moves: the instance moves to another server by this archive, with its sessions, host names and links.
    reason: see `model.backup.Reason`.
    """

    context: Context
    connection: Connection
    name: str
    place: Place
    archive: str
    began: datetime
    moves: bool = False
    reason: str = ""
    files: dict[str, Member] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    dump: Stored | None = None
    contents: Contents = field(default_factory=Contents)

    @property
    def label(self) -> Label:
        return find_instance(self.connection, self.name)

    @property
    def filestore(self) -> str:
        return self.label.filestore or self.name

    @property
    def is_held(self) -> bool:
        """Whether it waits for this dump, with its visitors."""
        return self.moves and self.label.state is State.MOVING

    @property
    def turn_within_s(self) -> float:
        """How long to wait for other dumps of the cluster."""
        return _TURN_OF_HELD_WITHIN_S if self.is_held else _WAIT_FOR_TURN_S


def _put_files(subject: Dumping) -> None:
    """Sessions change all the time, so they are put when the instance is held."""
    place, filestores = subject.place, subject.context.filestores
    for member in put_files(
        place.store, place.keys, filestores, subject.filestore, subject.files, sessions=subject.is_held
    ):
        subject.files[member.path] = member


def _put_new_files(subject: Dumping) -> None:
    """Also those that came and went meanwhile: the dumped database may refer to them."""
    _put_files(subject)
    place, filestores, since = subject.place, subject.context.filestores, subject.began.timestamp()
    known = subject.files
    for member in put_files_aside(place.store, place.keys, filestores, subject.filestore, known, since):
        known[member.path] = member


def _dump_database(subject: Dumping) -> None:
    context, connection, name = subject.context, subject.connection, subject.name
    pg_dump = client(context, connection, "pg_dump")
    size = databases.sizes_bytes(connection, name).get(name, 0)
    subject.modules = modules_of(context, name)
    store, keys = subject.place.store, subject.place.keys
    with (
        dump_role(context, connection, name, subject.turn_within_s) as dumper,
        _snapshot(dumper, name) as (snapshot, subject.extensions),
        service(dumper, name, context.settings.run_dir) as environment,
    ):
        if not subject.moves:  # a move compares each row, and visitors wait for it
            subject.contents = _count(context, name, snapshot, size)
        try:
            subject.dump = dump_database(pg_dump, environment, store, subject.archive, keys, size, snapshot)
        except ProgramFailed as error:
            raise DumpFailed(name, error.output) from error


def _count(context: Context, name: str, snapshot: str, size_bytes: int) -> Contents:
    try:
        with context.as_tenant(name, limit_s(size_bytes)) as inside:
            return count_contents(inside, snapshot)
    except TenantryError as error:
        return unknown(error)


def _unchanged(folder: Path, former: Manifest) -> Iterator[tuple[str, Member]]:
    """The files that have the same size, and were not written since, by their paths."""
    made_at = datetime.fromisoformat(former.made_at).timestamp()
    for member in former.files:
        with contextlib.suppress(OSError):
            found = (folder / member.path).lstat()
            is_same = stat.S_ISREG(found.st_mode) and found.st_size == member.size_bytes
            if is_same and found.st_mtime < made_at:
                yield member.path, member


@contextmanager
def dump_role(
    context: Context, connection: Connection, name: str, turn_within_s: float = _WAIT_FOR_TURN_S
) -> Iterator[Cluster]:
    """A role with the tenant's rights in this one database, for the time of the dump.

    A fault in pg_dump could let a tenant run code as this role. Therefore login is disabled and all sessions
    are ended before the role gets a tenant's rights, and afterwards.
    """
    role, password = names.DUMP_ROLE, random_key()
    with locks.exclusive(connection, role, wait_s=turn_within_s):
        roles.create(connection, role)
        _block_login(connection, role)
        try:
            with roles.granted(connection, name, to=role):
                roles.enable_login(connection, role, password)
                yield context.cluster.as_role(role, password)
        finally:
            if is_alive(connection):
                _block_login(connection, role)


def _block_login(connection: Connection, role: str) -> None:
    roles.disable_login(connection, role)
    roles.end_sessions(connection, role)


@contextmanager
def _snapshot(dumper: Cluster, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A snapshot of the database that other sessions can use until the end of the block, and its extensions.

    It is asked without operators and functions that the tenant could have replaced.
    """
    waiting = dumper.with_options({"idle_in_transaction_session_timeout": "0"})
    with waiting.connect(name) as inside:
        with translated(inside, "export a snapshot"):
            inside.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            ((snapshot,),) = inside.execute("SELECT pg_catalog.pg_export_snapshot()").fetchall()
            rows = inside.execute("SELECT extname FROM pg_catalog.pg_extension").fetchall()
        yield str(snapshot), tuple(sorted({extension for (extension,) in rows} - {"plpgsql"}))


def modules_of(context: Context, name: str) -> tuple[str, ...]:
    """The installed modules; none if the tenant replaced the table of modules, which must not stop a dump."""
    with contextlib.suppress(Tampered), context.as_tenant(name) as inside:
        return tuple(installed_modules(inside))
    return ()


def _remove_dump(subject: Dumping) -> None:
    subject.place.store.remove(dump_path(subject.archive))


def _put_manifest(subject: Dumping) -> None:
    """The store may have removed files that were there when we looked, if that is long ago."""
    if (datetime.now(UTC) - subject.began).total_seconds() > LONGEST_DUMP_S:
        raise DumpFailed(subject.name, f"it took more than {LONGEST_DUMP_S // 3600} hours")
    put_manifest(subject.place.store, subject.place.keys, _manifest(subject))


def _manifest(subject: Dumping) -> Manifest:
    assert subject.dump
    label, context, contents = subject.label, subject.context, subject.contents
    identity = label.identity_of(subject.name)
    kept = (*KEPT_LABEL_FIELDS, *(MOVED_LABEL_FIELDS if subject.moves else ()))
    facts = {key: getattr(label, key) for key in kept}
    return Manifest(
        archive=subject.archive,
        name=subject.name,
        made_at=subject.began.isoformat(timespec="milliseconds"),
        host=subdomain_host(subject.name, context.settings.base_domain),
        series=label.series,
        template=label.template,
        version=label.version,
        postgres=major(subject.connection),
        modules=subject.modules,
        extensions=subject.extensions,
        label={
            **facts,
            "identity": identity,
            "server": context.settings.name,
        },
        dump=subject.dump,
        files=tuple(subject.files.values()),
        skipped=context.filestores.count_others(subject.filestore),
        reason=subject.reason,
        rows=contents.rows,
        attachments=contents.attachments,
        posted=contents.posted,
        uncounted=contents.uncounted,
        entitlements=signing.entitlements_in(context.keys.signing, identity, contents.statement),
    )


STEPS: tuple[Step[Dumping], ...] = (
    Step("files", _put_files),
    Step("database", _dump_database, undo=_remove_dump),
    Step("new files", _put_new_files),
    Step("manifest", _put_manifest),
)


def dump_instance(
    context: Context,
    name: str,
    url: str,
    on_step: OnStep = ignore,
    *,
    moves: bool = False,
    former: Manifest | None = None,
) -> Archive:
    """Make an archive of an instance in the store at `url`. Parameters and errors: see `make_archive`.

    Also raises InvalidStore.
    """
    target = place(context, url)
    return Archive.of(make_archive(context, name, target, on_step, moves=moves, former=former), url)


def make_archive(
    context: Context,
    name: str,
    target: Place,
    on_step: OnStep = ignore,
    *,
    moves: bool = False,
    former: Manifest | None = None,
    reason: str = "",
) -> Manifest:
    """Make an archive of an instance; it exists once it is complete. Return its manifest.

    moves, reason: see `Dumping`. former: of an archive of it in the same store, whose files are not read
    again unless they changed. A killed dump leaves objects that belong to no archive.
    Raises InstanceNotFound, InvalidTransition, Busy, DumpFailed, ClientNotFound, FilestoreFailure,
    StoreFailure, StoreRefused.
    """
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        after(name, find_instance(connection, name).state, Action.DUMP)
        began = datetime.now(UTC)
        archive = new_name(name, began)
        subject = Dumping(context, connection, name, target, archive, began, moves, reason)
        if former:
            subject.files.update(_unchanged(context.filestores.folder(subject.filestore), former))
        return dumped(subject, on_step)


def dumped(subject: Dumping, on_step: OnStep = ignore) -> Manifest:
    """Make the archive of a subject, whose lock the caller holds. Raises as `make_archive`."""
    Operation("dump", subject.name, STEPS, on_step).run(subject)
    return _manifest(subject)
