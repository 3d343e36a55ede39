"""Load an archive as a stopped instance, so that it does nothing before an operator starts it.

The database is loaded under a temporary name, by a role without other rights, and renamed when complete.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenantry.archive.load import Found, find_archive, get_files, restore_database
from tenantry.errors import ArchiveUnsupported, ProgramFailed, RestoreFailed, Tampered
from tenantry.model import names
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.instance import Instance
from tenantry.model.progress import OnStep, ignore
from tenantry.model.secret import random_key
from tenantry.model.signing import now_us
from tenantry.operations.context import Context, name_files
from tenantry.operations.instance.archives import Place, client, major, place
from tenantry.operations.instance.availability import check_free, check_hostnames, name_locks
from tenantry.operations.instance.dump import KEPT_LABEL_FIELDS
from tenantry.operations.instance.modules import check_modules
from tenantry.operations.instance.source import FIRST_STEPS
from tenantry.operations.inventory import describe, find_instance, find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.operations.template.clone import database_lock, discard
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import Connection
from tenantry.postgres.notify import notify_spawner
from tenantry.postgres.programs import service
from tenantry.spawner.identity import chown_folders

_RESTORING = {"synchronous_commit": "off"}
_SINCE_14 = {"client_connection_check_interval": "10s"}
"""With this option PostgreSQL soon ends a query whose pg_restore was killed."""


@dataclass
class FromArchive:
    """See `Source`. temporary_name: the name of the database and its role, until they are complete."""

    context: Context
    connection: Connection
    place: Place
    found: Found
    name: str

    @property
    def temporary_name(self) -> str:
        return names.loading_database(self.name)

    @property
    def reference(self) -> str:
        """A second run recognises the instance that a first run finished by this reference."""
        return f"archive {self.found.manifest.archive}"

    @property
    def final_label(self) -> Label | None:
        """The label of the instance, once it has its name."""
        found = find_labelled(self.connection, self.name, Kind.INSTANCE)
        label = found.label if found else None
        return label if label and label.reference == self.reference else None

    @property
    def has_database(self) -> bool:
        return self.final_label is not None

    @property
    def has_files(self) -> bool:
        """The files are loaded before the database is renamed."""
        return self.final_label is not None

    def prepare(self) -> None:
        """Create an empty database, with the extensions that only its owner can create, after discarding the
        remains of a killed run.
        """
        context, connection, made = self.context, self.connection, self.temporary_name
        discard(context, connection, made)
        databases.create(connection, made, label_of(self, Kind.SPARE, State.BUILDING))
        roles.create(connection, made)
        roles.limit(connection, made)
        databases.grant_connect(connection, made, made)
        with context.cluster.connect(made) as inside:
            databases.add_extensions(inside, self.found.manifest.extensions)
            roles.grant_create(inside, made)

    def make_database(self) -> None:
        store, keys, folder = self.place.store, self.place.keys, self.context.settings.run_dir
        with self.restoring() as (pg_restore, environment):
            restore_database(pg_restore, environment, store, self.found, keys, folder)

    @contextmanager
    def restoring(self) -> Iterator[tuple[Path, Mapping[str, str]]]:
        """pg_restore, and the environment in which it connects as the owner of the database."""
        context, connection, made = self.context, self.connection, self.temporary_name
        pg_restore = client(context, connection, "pg_restore")
        password, folder = random_key(), context.settings.run_dir
        options = {**_RESTORING, **(_SINCE_14 if major(connection) >= 14 else {})}
        owner = context.cluster.as_role(made, password).with_options(options)
        roles.enable_login(connection, made, password)
        try:
            with service(owner, made, folder) as environment:
                yield pg_restore, environment
        except ProgramFailed as error:
            raise RestoreFailed(self.found.manifest.archive, error.output) from error
        finally:
            roles.disable_login(connection, made)
        databases.end_sessions(connection, made)

    def make_files(self) -> None:
        context, made, place = self.context, self.temporary_name, self.place
        context.filestores.make(
            made, lambda open_file: get_files(place.store, self.found, place.keys, open_file)
        )
        chown_folders(
            context.filestores.folder(made), context.runtime.user_of(databases.oid(self.connection, made))
        )

    def discard(self) -> None:
        context, connection, label = self.context, self.connection, self.final_label
        if label and label.filestore == self.temporary_name:
            discard(context, connection, self.name)
        discard(context, connection, self.temporary_name)


@dataclass
class Loading:
    """The load of an archive as the instance `name`."""

    context: Context
    connection: Connection
    name: str
    source: FromArchive

    def discard(self) -> None:
        self.source.discard()


def _is_named(subject: Loading) -> bool:
    return subject.source.has_database


def _write_address(subject: Loading) -> None:
    source = subject.source
    write_address(subject.context, source.temporary_name, subject.name, [source.found.manifest.host])


def write_address(context: Context, database: str, name: str, before: Collection[str]) -> None:
    """Write the instance's address into its database, if that has one of the hosts `before`.

    The role of the database cannot log in. Tampering does not stop the caller.
    """
    query = """
        UPDATE ir_config_parameter SET value = %s
         WHERE key = 'web.base.url' AND substring(value from '^[a-z]+://([^/:]+)') = ANY(%s)
    """
    # Its errors are raised as Tampered, see `bounded.Session`.
    with contextlib.suppress(Tampered), context.as_locked_role(database) as inside:
        inside.execute(query, [context.address(name).url, list(before)])


def _name(subject: Loading) -> None:
    """Rename database and role and write the label in one transaction; the files follow in the next step."""
    connection, source, name = subject.connection, subject.source, subject.name
    made, label = source.temporary_name, label_of(source, Kind.INSTANCE, State.STOPPED)
    named = label.having(filestore=made, reference=source.reference, links_since=now_us())
    with databases.transaction(connection):
        databases.rename(connection, made, name)
        roles.rename(connection, made, name)
        databases.label(connection, name, named)
        notify_spawner(connection, name)
    subject.context.runtime.follow([name])


def _name_filestore(subject: Loading) -> None:
    name_files(subject.context, subject.connection, subject.name)


def _has_filestore(subject: Loading) -> bool:
    label = subject.source.final_label
    return bool(label and not label.filestore)


def label_of(source: FromArchive, kind: Kind, state: State) -> Label:
    """The label. Another server's version is left out, since none of our zygotes fits its template."""
    manifest = source.found.manifest
    facts: dict[str, Any] = {key: manifest.label[key] for key in KEPT_LABEL_FIELDS if key in manifest.label}
    label = Label(
        kind=kind,
        state=state,
        template=manifest.template,
        version=manifest.version if _is_from_here(source) else "",
        series=manifest.series,
        built_at=manifest.made_at,
        identity=_identity(source),
        **{**facts, "finished": tuple(facts.get("finished", ()))},
    )
    return label if kind is Kind.INSTANCE else label.having(finished=(), identity="")


def _is_from_here(source: FromArchive) -> bool:
    here = source.context.settings.name
    return source.found.is_ours and source.found.manifest.label.get("server", here) == here


def _identity(source: FromArchive) -> str:
    """The archived identity, so that signed statements stay valid; a new one if an instance here has it."""
    known = str(source.found.manifest.label.get("identity", ""))
    listed = databases.listing(source.connection, Kind.INSTANCE)
    taken = {database.label.identity_of(database.name) for database in listed if database.label}
    return known if known and known not in taken else secrets.token_hex(16)


STEPS: tuple[Step[Loading], ...] = (
    *FIRST_STEPS,
    Step("address", _write_address, is_done=_is_named),
    Step("name", _name, is_done=_is_named),
    Step("filestore", _name_filestore, is_done=_has_filestore),
)


def load_instance(
    context: Context, url: str, archive: str, name: str, on_step: OnStep = ignore, trusted: str = ""
) -> Instance:
    """Make the stopped instance `name` of an archive in the store at `url`; if it exists already, it stays.

    trusted: the public key of another installation whose archives may be loaded, too. A failed load leaves
    nothing; the next run discards the remains of a killed one. Raises ArchiveNotFound, ArchiveDamaged,
    ArchiveNotTrusted, ArchiveKeyMissing, ArchiveUnsupported, ModuleNotFound, NameTaken, Busy, RestoreFailed,
    ClientNotFound, FilestoreFailure, InvalidStore, StoreFailure, StoreRefused.
    """
    source = place(context, url)
    found = find_archive(source.store, source.keys, archive, trusted)
    with context.maintenance() as connection, name_locks(connection, [name], ()):
        archived = FromArchive(context, connection, source, found, name)
        if not archived.final_label:
            _check(archived)
        with database_lock(connection, archived.temporary_name):
            Operation("load", name, STEPS, on_step).run(Loading(context, connection, name, archived))
        return describe(context, Database(name, find_instance(connection, name)))


def _check(source: FromArchive) -> None:
    """Check everything that can be checked before the first step."""
    context, manifest, here = source.context, source.found.manifest, major(source.connection)
    check_hostnames(context, source.connection, source.name, ())
    check_free(context, source.connection, source.name)
    if manifest.postgres > here:
        raise ArchiveUnsupported(manifest.archive, f"PostgreSQL {manifest.postgres}", f"PostgreSQL {here}")
    if manifest.series != context.settings.odoo_series:
        wanted, given = f"Odoo {manifest.series}", f"Odoo {context.settings.odoo_series}"
        raise ArchiveUnsupported(manifest.archive, wanted, given)
    if manifest.modules:
        check_modules(context, manifest.modules)
