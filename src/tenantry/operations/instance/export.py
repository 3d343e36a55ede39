"""Export an instance as Odoo's own backup, for an Odoo elsewhere. It is in use meanwhile, and not changed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tenantry.archive.odoo_zip import OdooZip, writing
from tenantry.errors import DumpFailed, ExportFailed, ProgramFailed
from tenantry.model.catalog import Label
from tenantry.model.progress import OnStep, ignore
from tenantry.model.states import Action, after
from tenantry.operations.context import Context
from tenantry.operations.instance.archives import client, major
from tenantry.operations.instance.dump import dump_role
from tenantry.operations.inventory import find_instance
from tenantry.operations.steps import Operation, Step
from tenantry.postgres import locks
from tenantry.postgres.cluster import Connection, translated
from tenantry.postgres.programs import service


@dataclass
class Exporting:
    """The export of the instance `name` into `file`, which exists when it is complete."""

    context: Context
    connection: Connection
    name: str
    file: Path
    archive: OdooZip

    @property
    def label(self) -> Label:
        return find_instance(self.connection, self.name)


def _put_files(subject: Exporting) -> None:
    filestores, archive = subject.context.filestores, subject.archive
    filestore = subject.label.filestore or subject.name
    for path in filestores.content(filestore):
        if not archive.has_file(path):
            with filestores.open_content(filestore, path) as file:
                if file:
                    archive.put_file(path, file)


def _put_dump(subject: Exporting) -> None:
    context, connection, name = subject.context, subject.connection, subject.name
    pg_dump = client(context, connection, "pg_dump")
    with (
        dump_role(context, connection, name) as dumper,
        service(dumper, name, context.settings.run_dir) as environment,
    ):
        try:
            subject.archive.put_dump(pg_dump, environment)
        except ProgramFailed as error:
            raise DumpFailed(name, error.output) from error


def _put_manifest(subject: Exporting) -> None:
    """Write what Odoo writes itself, see its `dump_db_manifest`."""
    series = subject.label.series
    versions = "SELECT name, latest_version FROM ir_module_module WHERE state = 'installed' ORDER BY name"
    with subject.context.as_tenant(subject.name) as inside, translated(inside, "read the modules"):
        modules = dict(inside.execute(versions).fetchall())
    subject.archive.put_manifest(
        {
            "odoo_dump": "1",
            "db_name": subject.name,
            "version": series,
            "version_info": [*map(int, series.split(".")), 0, "final", 0, ""],
            "major_version": series,
            "pg_version": str(major(subject.connection)),
            "modules": modules,
        }
    )


STEPS: tuple[Step[Exporting], ...] = (
    Step("manifest", _put_manifest),
    Step("files", _put_files),
    Step("database", _put_dump),
    Step("new files", _put_files),
)


def export_instance(context: Context, name: str, file: Path, on_step: OnStep = ignore) -> Path:
    """Write Odoo's own backup of an instance into a new file that only we can read.

    It has the customer's data, unencrypted. A failed or killed export leaves no file of that name. Raises
    InstanceNotFound, InvalidTransition, Busy, DumpFailed, ClientNotFound, FilestoreFailure, ExportFailed.
    """
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        after(name, find_instance(connection, name).state, Action.DUMP)
        with _new_file(file) as sink, writing(sink) as archive:
            Operation("export", name, STEPS, on_step).run(Exporting(context, connection, name, file, archive))
    return file


@contextmanager
def _new_file(file: Path) -> Iterator[BinaryIO]:
    """A private file that gets its name when it is complete. Raises ExportFailed."""
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        if file.exists():
            raise ExportFailed(str(file), "the file exists")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
            yield sink
        partial.rename(file)
    except OSError as error:
        raise ExportFailed(str(file), error.strerror or str(error)) from error
    finally:
        partial.unlink(missing_ok=True)
