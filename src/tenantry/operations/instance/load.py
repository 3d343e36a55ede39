"""Load an archive as a stopped instance."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenantry.archive.load import Found, find_archive, get_files, restore_database
from tenantry.errors import ArchiveUnsupported, ProgramFailed, RestoreFailed
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.instance import Instance
from tenantry.model.progress import OnStep, ignore
from tenantry.operations.context import Context
from tenantry.operations.instance.archives import Place, client, major, place
from tenantry.operations.instance.arrival import LAST_STEPS, Arrival, Loading
from tenantry.operations.instance.availability import check_free, check_hostnames, name_locks
from tenantry.operations.instance.dump import KEPT_LABEL_FIELDS
from tenantry.operations.instance.modules import check_modules
from tenantry.operations.instance.source import FIRST_STEPS
from tenantry.operations.inventory import describe, find_instance
from tenantry.operations.steps import Operation, Step
from tenantry.operations.template.clone import database_lock
from tenantry.postgres import databases
from tenantry.postgres.programs import service


@dataclass
class FromArchive(Arrival):
    """See `Source`."""

    place: Place
    found: Found

    @property
    def reference(self) -> str:
        return f"archive {self.found.manifest.archive}"

    @property
    def extensions(self) -> tuple[str, ...]:
        return self.found.manifest.extensions

    @property
    def former_hosts(self) -> Collection[str] | None:
        return (self.found.manifest.host,)

    def make_database(self) -> None:
        store, keys, folder = self.place.store, self.place.keys, self.context.settings.run_dir
        with self.restoring() as (pg_restore, environment):
            restore_database(pg_restore, environment, store, self.found, keys, folder)

    @contextmanager
    def restoring(self) -> Iterator[tuple[Path, Mapping[str, str]]]:
        """pg_restore, and the environment in which it connects as the owner of the database."""
        pg_restore, folder = (
            client(self.context, self.connection, "pg_restore"),
            self.context.settings.run_dir,
        )
        try:
            with self.owner() as owner, service(owner, self.temporary_name, folder) as environment:
                yield pg_restore, environment
        except ProgramFailed as error:
            raise RestoreFailed(self.found.manifest.archive, error.output) from error

    def make_files(self) -> None:
        place = self.place
        self.context.filestores.make(
            self.temporary_name, lambda open_file: get_files(place.store, self.found, place.keys, open_file)
        )
        self.own_files()

    def label(self) -> Label:
        """See `Arrival`. Another server's version is left out: no zygote of ours fits its template."""
        manifest = self.found.manifest
        facts: dict[str, Any] = {
            key: manifest.label[key] for key in KEPT_LABEL_FIELDS if key in manifest.label
        }
        return Label(
            kind=Kind.INSTANCE,
            state=State.STOPPED,
            template=manifest.template,
            version=manifest.version if self._is_from_here else "",
            series=manifest.series,
            built_at=manifest.made_at,
            identity=self._identity(),
            **{**facts, "finished": tuple(facts.get("finished", ()))},
        )

    @property
    def _is_from_here(self) -> bool:
        here = self.context.settings.name
        return self.found.is_ours and self.found.manifest.label.get("server", here) == here

    def _identity(self) -> str:
        """The archived one, so that signed statements stay valid; a new one if an instance here has it."""
        known = str(self.found.manifest.label.get("identity", ""))
        listed = databases.listing(self.connection, Kind.INSTANCE, Kind.LOST)
        taken = {database.label.identity_of(database.name) for database in listed if database.label}
        return known if known and known not in taken else secrets.token_hex(16)


STEPS: tuple[Step[Loading], ...] = (*FIRST_STEPS, *LAST_STEPS)


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
        archived = FromArchive(context, connection, name, source, found)
        if not archived.final_label:
            _check(archived)
        with database_lock(connection, archived.temporary_name):
            Operation("load", name, STEPS, on_step).run(Loading(archived))
        return describe(context, Database(name, find_instance(connection, name)))


def _check(source: FromArchive) -> None:
    """Check everything that can be checked before the first step."""
    check_hostnames(source.context, source.connection, source.name, ())
    check_free(source.context, source.connection, source.name)
    check_archive(source)


def check_archive(source: FromArchive) -> None:
    """Check that this server can run it. Raises ArchiveUnsupported, ModuleNotFound."""
    context, manifest, here = source.context, source.found.manifest, major(source.connection)
    if manifest.postgres > here:
        raise ArchiveUnsupported(manifest.archive, f"PostgreSQL {manifest.postgres}", f"PostgreSQL {here}")
    if manifest.series != context.settings.odoo_series:
        wanted, given = f"Odoo {manifest.series}", f"Odoo {context.settings.odoo_series}"
        raise ArchiveUnsupported(manifest.archive, wanted, given)
    if manifest.modules:
        check_modules(context, manifest.modules)
