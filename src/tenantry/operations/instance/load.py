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
from tenantry.operations.context import Context, relabel
from tenantry.operations.instance.archives import Place, client, major, place
from tenantry.operations.instance.availability import check_free, check_hostnames, held
from tenantry.operations.instance.dump import KEPT
from tenantry.operations.instance.modules import check_modules
from tenantry.operations.inventory import describe, find_instance, find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.operations.template.clone import being_made, discard
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import Connection
from tenantry.postgres.programs import service
from tenantry.runtimes.shared import announce
from tenantry.spawner.identity import chown_folders

_RESTORING = {"synchronous_commit": "off"}
_SINCE_14 = {"client_connection_check_interval": "10s"}
"""What a killed pg_restore left running ends soon."""


@dataclass
class Loading:
    """An archive on its way to the instance `name`. made: what it is called until it is whole."""

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


def _is_named(subject: Loading) -> bool:
    return subject.named is not None


def _make_database(subject: Loading) -> None:
    """Empty, with what only a database's owner can put there. What a killed run left goes first."""
    context, connection, made = subject.context, subject.connection, subject.made
    discard(context, connection, made)
    databases.create(connection, made, _label(subject, Kind.SPARE, State.BUILDING))
    roles.create(connection, made)
    roles.limit(connection, made)
    databases.grant_connect(connection, made, made)
    with context.cluster.connect(made) as inside:
        databases.add_extensions(inside, subject.found.manifest.extensions)
        roles.grant_create(inside, made)


def _discard(subject: Loading) -> None:
    """Leave nothing of it, under whichever name."""
    context, connection, label = subject.context, subject.connection, subject.named
    if label and label.filestore == subject.made:
        discard(context, connection, subject.name)
    discard(context, connection, subject.made)


def _restore(subject: Loading) -> None:
    context, connection, made = subject.context, subject.connection, subject.made
    pg_restore = client(context, connection, "pg_restore")
    password, folder = random_key(), context.settings.run_dir
    options = {**_RESTORING, **(_SINCE_14 if major(connection) >= 14 else {})}
    owner = context.cluster.as_role(made, password).with_options(options)
    roles.enable_login(connection, made, password)
    try:
        with service(owner, made, folder) as environment:
            restore_database(
                pg_restore, environment, subject.place.store, subject.found, subject.place.keys, folder
            )
    except ProgramFailed as error:
        raise RestoreFailed(subject.found.manifest.archive, error.output) from error
    finally:
        roles.disable_login(connection, made)
    databases.end_sessions(connection, made)


def _get_files(subject: Loading) -> None:
    context, made, there = subject.context, subject.made, subject.place
    context.filestores.make(
        made, lambda open_file: get_files(there.store, subject.found, there.keys, open_file)
    )
    chown_folders(
        context.filestores.folder(made), context.runtime.user_of(databases.oid(subject.connection, made))
    )


def _write_address(subject: Loading) -> None:
    """What it knows of its address, unless that is another one, or the tenant does not let us."""
    query = """
        UPDATE ir_config_parameter SET value = %s
         WHERE key = 'web.base.url' AND substring(value from '^[a-z]+://([^/:]+)') = %s
    """
    url = subject.context.runtime.route(subject.name).url
    # Its errors are told as tampering, see `bounded.Session.told`.
    with contextlib.suppress(Tampered), subject.context.as_locked_role(subject.made) as inside:
        inside.execute(query, [url, subject.found.manifest.host])


def _name(subject: Loading) -> None:
    """Database, role and label change together; the files still lie under the name the label says."""
    connection, made, name = subject.connection, subject.made, subject.name
    label = _label(subject, Kind.INSTANCE, State.STOPPED)
    named = label.having(filestore=made, reference=subject.reference, links_since=now_us())
    with databases.transaction(connection):
        databases.rename(connection, made, name)
        roles.rename(connection, made, name)
        databases.label(connection, name, named)
        announce(connection, name)
    subject.context.runtime.follow([name])


def _name_filestore(subject: Loading) -> None:
    filestores, label = subject.context.filestores, subject.named
    assert label
    if label.filestore and filestores.exists(label.filestore):
        filestores.rename(label.filestore, subject.name)
    relabel(subject.context, subject.connection, subject.name, label.having(filestore=""))


def _has_filestore(subject: Loading) -> bool:
    return bool(subject.named and not subject.named.filestore)


def _label(subject: Loading, kind: Kind, state: State) -> Label:
    """Another installation's template fits none of our zygotes, whatever its version is called."""
    manifest = subject.found.manifest
    facts: dict[str, Any] = {key: manifest.label[key] for key in KEPT if key in manifest.label}
    label = Label(
        kind=kind,
        state=state,
        template=manifest.template,
        version=manifest.version if subject.found.is_ours else "",
        series=manifest.series,
        built_at=manifest.made_at,
        identity=_identity(subject),
        **{**facts, "finished": tuple(facts.get("finished", ()))},
    )
    return label if kind is Kind.INSTANCE else label.having(finished=(), identity="")


def _identity(subject: Loading) -> str:
    """Its own if it is gone here, so that what was signed for it holds again; else one that nobody has."""
    known = str(subject.found.manifest.label.get("identity", ""))
    listed = databases.listing(subject.connection, Kind.INSTANCE)
    taken = {database.label.identity_of(database.name) for database in listed if database.label}
    return known if known and known not in taken else secrets.token_hex(16)


STEPS: tuple[Step[Loading], ...] = (
    Step("database", _make_database, is_done=_is_named, undo=_discard),
    Step("contents", _restore, is_done=_is_named),
    Step("files", _get_files, is_done=_is_named),
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
        subject = Loading(context, connection, there, found, name)
        if not subject.named:
            _check(subject)
        with being_made(connection, subject.made):
            Operation("load", name, STEPS, on_step).run(subject)
        return describe(context, Database(name, find_instance(connection, name)))


def _check(subject: Loading) -> None:
    """All that can be known before anything is done."""
    context, manifest, here = subject.context, subject.found.manifest, major(subject.connection)
    check_hostnames(context, subject.connection, subject.name, ())
    check_free(context, subject.connection, subject.name)
    if manifest.postgres > here:
        raise ArchiveUnsupported(manifest.archive, f"PostgreSQL {manifest.postgres}", f"PostgreSQL {here}")
    if manifest.series != context.settings.odoo_series:
        wanted, given = f"Odoo {manifest.series}", f"Odoo {context.settings.odoo_series}"
        raise ArchiveUnsupported(manifest.archive, wanted, given)
    if manifest.modules:
        check_modules(context, manifest.modules)
