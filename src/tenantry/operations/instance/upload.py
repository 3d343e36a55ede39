"""Make a stopped instance of a backup that another system made: Odoo's `.zip`, or a file of pg_dump."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from tenantry.agreed import TENANT_MODULE
from tenantry.archive.upload import AS_PG_DUMP, Survey, Upload, load_dump, open_upload, survey
from tenantry.errors import UploadRefused, UploadUnsupported
from tenantry.model.catalog import PROVIDED, Database, Kind, Label, State
from tenantry.model.instance import Instance
from tenantry.model.progress import OnStep, ignore
from tenantry.odoo.initialise import (
    check_modules_exist,
    install_command,
    installed_modules,
    verify_modules,
)
from tenantry.odoo.own_addons import tenants_addons_path
from tenantry.operations.context import Context, relabel
from tenantry.operations.instance.archives import client
from tenantry.operations.instance.arrival import LAST_STEPS, Arrival, Loading
from tenantry.operations.instance.availability import check_free, check_hostnames, name_locks
from tenantry.operations.instance.modules import run_unserved
from tenantry.operations.instance.source import FIRST_STEPS
from tenantry.operations.inventory import describe, find_instance
from tenantry.operations.steps import Operation, Step
from tenantry.operations.template.clone import database_lock, discard
from tenantry.postgres.cluster import translated


@dataclass
class FromUpload(Arrival):
    """See `Source`. digest: the SHA-256 of the file."""

    upload: Upload
    digest: str
    known: Survey
    new_identity: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def reference(self) -> str:
        return f"upload {self.digest}"

    @property
    def extensions(self) -> tuple[str, ...]:
        return self.known.extensions

    @property
    def former_hosts(self) -> Collection[str] | None:
        return None

    def label(self) -> Label:
        return Label(
            kind=Kind.INSTANCE,
            state=State.STOPPED,
            series=self.context.settings.odoo_series,
            built_at=datetime.now(UTC).isoformat(timespec="seconds"),
            identity=self.new_identity,
        )

    def make_database(self) -> None:
        made = self.temporary_name
        with self.owner() as owner, owner.with_options(AS_PG_DUMP).connect(made) as inside:
            load_dump(self.upload, inside)
        check_odoo(self.context, self.upload, self._loaded())

    def _loaded(self) -> Survey:
        """What the loaded database says of itself."""
        with self.context.as_locked_role(self.temporary_name) as inside:
            modules = installed_modules(inside)
            query = "SELECT latest_version FROM ir_module_module WHERE name = 'base'"
            with translated(inside, "read the version of Odoo"):
                (version,) = inside.execute(query).fetchone() or ("",)
        return Survey(".".join(str(version).split(".")[:2]), tuple(modules), self.known.extensions)

    def discard(self) -> None:
        label = self.final_label
        if label and PROVIDED not in label.finished:
            discard(self.context, self.connection, self.name)
        super().discard()

    def make_files(self) -> None:
        def write(open_file: Callable[[str], BinaryIO]) -> None:
            for path, file in self.upload.files():
                with open_file(path) as copy:
                    shutil.copyfileobj(file, copy, 2**20)

        self.context.filestores.make(self.temporary_name, write)
        self.own_files()


def _has_ours(subject: Loading) -> bool:
    label = subject.source.final_label
    return bool(label and PROVIDED in label.finished)


def _install_ours(subject: Loading) -> None:
    """Install our module, which keeps the plan's limits and lets the customer in by a link."""
    source = subject.source
    context, connection, name = source.context, source.connection, source.name
    with context.as_tenant(name) as inside:
        is_missing = TENANT_MODULE not in installed_modules(inside)
    if is_missing:
        log = run_unserved(context, connection, name, install_command([TENANT_MODULE]))
        with context.as_tenant(name) as inside:
            verify_modules(inside, [TENANT_MODULE], log)
    relabel(context, connection, name, find_instance(connection, name).having(finished=(PROVIDED,)))


STEPS: tuple[Step[Loading], ...] = (
    *FIRST_STEPS,
    *LAST_STEPS,
    Step("modules", _install_ours, is_done=_has_ours),
)


def load_upload(context: Context, file: Path, name: str, on_step: OnStep = ignore) -> Instance:
    """Make the stopped instance `name` of another system's backup; if it exists already, it stays.

    A failed load leaves nothing; the next run discards the remains of a killed one. Raises UploadRefused,
    UploadUnsupported, ModuleNotFound, NameTaken, Busy, ClientNotFound, FilestoreFailure,
    InitialisationTimeout, InitialisationFailed.
    """
    with context.maintenance() as connection, name_locks(connection, [name], ()):
        upload = open_upload(file, client(context, connection, "pg_restore"))
        arrival = FromUpload(context, connection, name, upload, _digest(upload), Survey("", (), ()))
        if not arrival.final_label:
            check_hostnames(context, connection, name, ())
            check_free(context, connection, name)
            _check_space(context, upload)
            arrival.known = survey(upload)
            check_odoo(context, upload, arrival.known)
            _check_extensions(arrival)
        with database_lock(connection, arrival.temporary_name):
            Operation("load", name, STEPS, on_step).run(Loading(arrival))
        return describe(context, Database(name, find_instance(connection, name)))


def _digest(upload: Upload) -> str:
    with upload.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_space(context: Context, upload: Upload) -> None:
    free = shutil.disk_usage(context.settings.home).free
    if upload.size_bytes > free:
        needed = f"it needs {upload.size_bytes >> 20} MB, and {free >> 20} MB are free"
        raise UploadRefused(str(upload.path), needed)


def _check_extensions(arrival: FromUpload) -> None:
    """Refuse extensions that only a superuser may create: what they can do is not limited to a database."""
    query = "SELECT DISTINCT name FROM pg_available_extension_versions WHERE name = ANY(%s) AND NOT trusted"
    with translated(arrival.connection, "list extensions"):
        rows = arrival.connection.execute(query, [list(arrival.extensions)])
        untrusted = [name for (name,) in rows]
    if untrusted:
        reason = f"its extension {', '.join(untrusted)} is only for superusers"
        raise UploadRefused(str(arrival.upload.path), reason)


def check_odoo(context: Context, upload: Upload, found: Survey) -> None:
    """Check that this server can run it, as far as it is known. Raises UploadUnsupported, ModuleNotFound."""
    here = context.settings.odoo_series
    if found.series and found.series != here:
        raise UploadUnsupported(str(upload.path), f"Odoo {found.series}", f"Odoo {here}")
    if found.modules:
        check_modules_exist(context.odoo(), found.modules, tenants_addons_path(context.settings))
