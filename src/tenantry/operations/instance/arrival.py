"""An instance whose database and files come from elsewhere: an archive, or another system's backup.

The database is loaded under a temporary name, by a role without other rights, and renamed when complete. The
instance is stopped then, so that it does nothing before an operator starts it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tenantry.model import names
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.secret import random_key
from tenantry.model.signing import now_us
from tenantry.operations.context import Context, name_files
from tenantry.operations.fleet.addresses import write_address
from tenantry.operations.instance.archives import major
from tenantry.operations.inventory import find_labelled
from tenantry.operations.steps import Step
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import Cluster, Connection
from tenantry.postgres.notify import notify_spawner
from tenantry.spawner.identity import chown_folders

_LOADING = {"synchronous_commit": "off"}
_SINCE_14 = {"client_connection_check_interval": "10s"}
"""With this option PostgreSQL soon ends a query whose client was killed."""


@dataclass
class Arrival:
    """See `Source`; a class for each origin makes database and files.

    temporary_name: the name of the database and its role, until they are complete.
    """

    context: Context
    connection: Connection
    name: str

    @property
    def reference(self) -> str:
        """A second run recognises the instance that a first run finished by this reference."""
        raise NotImplementedError

    @property
    def extensions(self) -> tuple[str, ...]:
        raise NotImplementedError

    @property
    def former_hosts(self) -> Collection[str] | None:
        """The address in its settings is replaced if it has one of these hosts; None: whatever it is."""
        raise NotImplementedError

    def label(self) -> Label:
        """The label of the stopped instance."""
        raise NotImplementedError

    def unfinished_label(self) -> Label:
        """The label until then."""
        return self.label().having(kind=Kind.SPARE, state=State.BUILDING, finished=(), identity="")

    def make_database(self) -> None:
        raise NotImplementedError

    def make_files(self) -> None:
        raise NotImplementedError

    @property
    def temporary_name(self) -> str:
        return names.loading_database(self.name)

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
        databases.create(connection, made, self.unfinished_label())
        roles.create(connection, made)
        roles.limit(connection, made)
        databases.grant_connect(connection, made, made)
        with context.cluster.connect(made) as inside:
            databases.add_extensions(inside, self.extensions)
            roles.grant_create(inside, made)

    @contextmanager
    def owner(self) -> Iterator[Cluster]:
        """The cluster with the new database's role, which can log in meanwhile."""
        connection, made, password = self.connection, self.temporary_name, random_key()
        options = {**_LOADING, **(_SINCE_14 if major(connection) >= 14 else {})}
        roles.enable_login(connection, made, password)
        try:
            yield self.context.cluster.as_role(made, password).with_options(options)
        finally:
            roles.disable_login(connection, made)
        databases.end_sessions(connection, made)

    def own_files(self) -> None:
        """Give the folders of its files to the user of its process."""
        context, made = self.context, self.temporary_name
        user = context.runtime.user_of(databases.oid(self.connection, made))
        chown_folders(context.filestores.folder(made), user)

    def discard(self) -> None:
        context, connection, label = self.context, self.connection, self.final_label
        if label and label.filestore == self.temporary_name:
            discard(context, connection, self.name)
        discard(context, connection, self.temporary_name)


@dataclass
class Loading:
    """The load of an instance."""

    source: Arrival

    def discard(self) -> None:
        self.source.discard()


def _is_named(subject: Loading) -> bool:
    return subject.source.has_database


def _write_address(subject: Loading) -> None:
    source = subject.source
    write_address(source.context, source.temporary_name, source.name, source.former_hosts)


def _name(subject: Loading) -> None:
    """Rename database and role and write the label in one transaction; the files follow in the next step."""
    source, connection = subject.source, subject.source.connection
    made, name = source.temporary_name, source.name
    label = source.label().having(filestore=made, reference=source.reference, links_since=now_us())
    with databases.transaction(connection):
        databases.rename(connection, made, name)
        roles.rename(connection, made, name)
        databases.label(connection, name, label)
        notify_spawner(connection, name)
    source.context.runtime.follow([name])


def _name_filestore(subject: Loading) -> None:
    name_files(subject.source.context, subject.source.connection, subject.source.name)


def _has_filestore(subject: Loading) -> bool:
    label = subject.source.final_label
    return bool(label and not label.filestore)


LAST_STEPS: tuple[Step[Loading], ...] = (
    Step("address", _write_address, is_done=_is_named),
    Step("name", _name, is_done=_is_named),
    Step("filestore", _name_filestore, is_done=_has_filestore),
)
"""The last steps, after those of `source.FIRST_STEPS`."""
