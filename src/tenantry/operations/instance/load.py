"""Load an archive as an instance: stopped, so that nothing of it acts before somebody starts it.

It is loaded under a name of our own, as a role that reaches nothing else, and gets its name when it is whole.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
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
from tenantry.operations.instance.availability import check_free, check_hostnames, held
from tenantry.operations.instance.dump import KEPT
from tenantry.operations.instance.modules import check_modules
from tenantry.operations.instance.source import FIRST_STEPS
from tenantry.operations.inventory import describe, find_instance, find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.operations.template.clone import being_made, discard
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import Connection
from tenantry.postgres.notify import notify_spawner
from tenantry.postgres.programs import service
from tenantry.spawner.identity import chown_folders

_RESTORING = {"synchronous_commit": "off"}
_SINCE_14 = {"client_connection_check_interval": "10s"}
"""What a killed pg_restore left running ends soon."""


@dataclass
class FromArchive:
    """See `Source`. made: what the database is called until it is whole; then it gets the instance's name."""

    context: Context
    connection: Connection
    place: Place
    found: Found
    name: str

    @property
    def made(self) -> str:
        return names.loading_database(self.name)

    @property
    def reference(self) -> str:
        """By this a second run knows what a first one finished."""
        return f"archive {self.found.manifest.archive}"

    @property
    def named(self) -> Label | None:
        """The label of the instance, once it has its name."""
        found = find_labelled(self.connection, self.name, Kind.INSTANCE)
        label = found.label if found else None
        return label if label and label.reference == self.reference else None

    @property
    def has_database(self) -> bool:
        return self.named is not None

    @property
    def has_files(self) -> bool:
        """They come before the name."""
        return self.named is not None

    def prepare(self) -> None:
        """An empty database, with what only its owner can put there. What a killed run left goes first."""
        context, connection, made = self.context, self.connection, self.made
        discard(context, connection, made)
        databases.create(connection, made, _label(self, Kind.SPARE, State.BUILDING))
        roles.create(connection, made)
        roles.limit(connection, made)
        databases.grant_connect(connection, made, made)
        with context.cluster.connect(made) as inside:
            databases.add_extensions(inside, self.found.manifest.extensions)
            roles.grant_create(inside, made)

    def make_database(self) -> None:
        context, connection, made = self.context, self.connection, self.made
        pg_restore = client(context, connection, "pg_restore")
        password, folder = random_key(), context.settings.run_dir
        options = {**_RESTORING, **(_SINCE_14 if major(connection) >= 14 else {})}
        owner = context.cluster.as_role(made, password).with_options(options)
        roles.enable_login(connection, made, password)
        try:
            with service(owner, made, folder) as environment:
                restore_database(
                    pg_restore, environment, self.place.store, self.found, self.place.keys, folder
                )
        except ProgramFailed as error:
            raise RestoreFailed(self.found.manifest.archive, error.output) from error
        finally:
            roles.disable_login(connection, made)
        databases.end_sessions(connection, made)

    def make_files(self) -> None:
        context, made, there = self.context, self.made, self.place
        context.filestores.make(
            made, lambda open_file: get_files(there.store, self.found, there.keys, open_file)
        )
        chown_folders(
            context.filestores.folder(made), context.runtime.user_of(databases.oid(self.connection, made))
        )

    def discard(self) -> None:
        context, connection, label = self.context, self.connection, self.named
        if label and label.filestore == self.made:
            discard(context, connection, self.name)
        discard(context, connection, self.made)


@dataclass
class Loading:
    """An archive on its way to the instance `name`."""

    context: Context
    connection: Connection
    name: str
    source: FromArchive

    def discard(self) -> None:
        self.source.discard()


def _is_named(subject: Loading) -> bool:
    return subject.source.has_database


def _write_address(subject: Loading) -> None:
    """What it knows of its address, unless that is another one, or the tenant does not let us."""
    query = """
        UPDATE ir_config_parameter SET value = %s
         WHERE key = 'web.base.url' AND substring(value from '^[a-z]+://([^/:]+)') = %s
    """
    url = subject.context.address(subject.name).url
    # Its errors are told as tampering, see `bounded.Session.translated`.
    with contextlib.suppress(Tampered), subject.context.as_locked_role(subject.source.made) as inside:
        inside.execute(query, [url, subject.source.found.manifest.host])


def _name(subject: Loading) -> None:
    """Database, role and label change together; the files still lie under the name the label says."""
    connection, source, name = subject.connection, subject.source, subject.name
    made, label = source.made, _label(source, Kind.INSTANCE, State.STOPPED)
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
    label = subject.source.named
    return bool(label and not label.filestore)


def _label(source: FromArchive, kind: Kind, state: State) -> Label:
    """Another installation's template fits none of our zygotes, whatever its version is called."""
    manifest = source.found.manifest
    facts: dict[str, Any] = {key: manifest.label[key] for key in KEPT if key in manifest.label}
    label = Label(
        kind=kind,
        state=state,
        template=manifest.template,
        version=manifest.version if source.found.is_ours else "",
        series=manifest.series,
        built_at=manifest.made_at,
        identity=_identity(source),
        **{**facts, "finished": tuple(facts.get("finished", ()))},
    )
    return label if kind is Kind.INSTANCE else label.having(finished=(), identity="")


def _identity(source: FromArchive) -> str:
    """Its own if it is gone here, so that what was signed for it holds again; else one that nobody has."""
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
    """Make the stopped instance `name` of an archive in the store at `url`; one made of it already stays.

    trusted: the public key of another installation whose archives may be loaded, too. Whatever fails, nothing
    is left; what a killed one left is thrown away by the next. Raises ArchiveNotFound, ArchiveDamaged,
    ArchiveNotTrusted, ArchiveKeyMissing, ArchiveUnsupported, ModuleNotFound, NameTaken, Busy, RestoreFailed,
    ClientNotFound, FilestoreFailure, InvalidStore, StoreFailure, StoreRefused.
    """
    there = place(context, url)
    found = find_archive(there.store, there.keys, archive, trusted)
    with context.maintenance() as connection, held(connection, [name], ()):
        archived = FromArchive(context, connection, there, found, name)
        if not archived.named:
            _check(archived)
        with being_made(connection, archived.made):
            Operation("load", name, STEPS, on_step).run(Loading(context, connection, name, archived))
        return describe(context, Database(name, find_instance(connection, name)))


def _check(source: FromArchive) -> None:
    """All that can be known before anything is done."""
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
