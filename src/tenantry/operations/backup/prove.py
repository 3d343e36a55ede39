"""Prove a backup: restore it to scratch, compare it with its manifest, let a real Odoo show its login page.

Nothing of it is served: its database has a name and a kind of its own, its role can log in only while the
backup is restored and looked at, no job runs and no mail leaves it. All of it is removed at the end; what a
killed proof left, the next one removes.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from tenantry.archive.format import Manifest
from tenantry.archive.load import find_archive
from tenantry.archive.parallel import in_parallel
from tenantry.errors import (
    ArchiveDamaged,
    ArchiveKeyMissing,
    ArchiveNotFound,
    ArchiveNotTrusted,
    BackupNotCounted,
    BackupNotServed,
    BackupNotWhole,
    ForeignDatabase,
    RestoreFailed,
    StoreFailure,
    StoreRefused,
    TenantryError,
)
from tenantry.model import names
from tenantry.model.backup import Backup, Proof, ProofState
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.progress import OnStep, ignore
from tenantry.odoo.confined import log_of
from tenantry.odoo.filestore import is_content
from tenantry.odoo.proving import ProvingOdoo
from tenantry.operations.backup.proofs import find_proof, put_proof
from tenantry.operations.context import Context
from tenantry.operations.instance.archives import Place, place
from tenantry.operations.instance.contents import TABLES, Contents, count_contents, limit_s
from tenantry.operations.instance.load import FromArchive, check_archive
from tenantry.operations.instance.source import FIRST_STEPS
from tenantry.operations.steps import Operation, Step
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import Connection

_WAIT_S = 10
_TOLD = 5
_SHA1 = re.compile(r"[0-9a-f]{40}")
_NAMES = """
    SELECT DISTINCT pg_catalog.left(store_fname, 200) FROM ONLY public.ir_attachment
     WHERE store_fname IS NOT NULL ORDER BY 1 LIMIT %s
"""
_HAS_ATTACHMENTS = "SELECT pg_catalog.to_regclass('public.ir_attachment') IS NOT NULL"
_OF_THE_MACHINE = re.compile(
    r"no space left|disk full|input/output error|out of (shared )?memory|could not (write|extend|connect)"
    r"|connection to server|server closed|terminating connection|shutting down|too many clients",
    re.IGNORECASE,
)
"""What PostgreSQL and its programs say when the cause is not what is being restored."""


@dataclass
class Scratch(FromArchive):
    """A backup that is restored under the name `name`, which nothing else has."""

    @property
    def temporary_name(self) -> str:
        return self.name

    def unfinished_label(self) -> Label:
        return Label(Kind.PROOF, State.BUILDING, reference=self.reference)

    def discard(self) -> None:
        discard(self.context, self.connection, self.name)


@dataclass
class Proving:
    """A proof. restore_s: how long the restore took; 0.0 until then. unknown: what could not be compared."""

    source: Scratch
    began: float = field(default_factory=time.monotonic)
    restore_s: float = 0.0
    unknown: tuple[str, ...] = ()

    @property
    def manifest(self) -> Manifest:
        return self.source.found.manifest

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """A connection to the restored database with the rights of its own role. Raises Tampered."""
        source = self.source
        size = databases.sizes_bytes(source.connection, source.name).get(source.name, 0)
        with source.context.as_locked_role(source.name, limit_s(size)) as inside:
            yield inside

    def discard(self) -> None:
        self.source.discard()


# ---------------------------------------------------------------- what is compared


def _compare(subject: Proving) -> None:
    """Raises BackupNotWhole."""
    subject.restore_s = time.monotonic() - subject.began
    manifest = subject.manifest
    with subject.looking() as inside:
        found = count_contents(inside)
    if wrong := list(islice(differences(manifest, found), _TOLD)):
        raise BackupNotWhole(manifest.archive, wrong)
    subject.unknown = tuple(islice(not_compared(manifest, found), _TOLD))


def differences(manifest: Manifest, found: Contents) -> Iterator[str]:
    """In words, what was counted in the backup and in the restored database, and is not equal."""
    has_all_tables = TABLES not in manifest.uncounted
    for table in sorted({*manifest.rows, *found.rows}):
        if table in manifest.uncounted or table in found.uncounted:
            continue
        expected, restored = manifest.rows.get(table), found.rows.get(table)
        if expected is None and has_all_tables and _has_counts(manifest):
            yield f"there is a table {table}"
        elif expected is not None and restored is None and TABLES not in found.uncounted:
            yield f"the table {table} is missing"
        elif expected is not None and restored is not None and expected != restored:
            yield f"{table} has {restored} rows instead of {expected}"
    if None not in (manifest.attachments, found.attachments) and manifest.attachments != found.attachments:
        yield f"{found.attachments} attachments have a file instead of {manifest.attachments}"
    if manifest.posted and found.posted and manifest.posted != found.posted:
        yield f"the posted items are {found.posted} instead of {manifest.posted}"


def not_compared(manifest: Manifest, found: Contents) -> Iterator[str]:
    """In words, what could not be counted, when the backup was made or now."""
    if not _has_counts(manifest):
        yield "it was made by a version that did not count"
    for what, reason in {**found.uncounted, **manifest.uncounted}.items():
        yield f"{what} ({reason})"


def _has_counts(manifest: Manifest) -> bool:
    return bool(manifest.rows or manifest.uncounted)


def _check_attachments(subject: Proving) -> None:
    """Every file that the database names is there, and has the content that it was named after.

    Raises BackupNotWhole.
    """
    source, archive = subject.source, subject.manifest.archive
    checked = in_parallel(lambda name: _fault_of(source, name), _named_files(subject))
    if wrong := list(islice(filter(None, checked), _TOLD)):
        raise BackupNotWhole(archive, wrong)


def _named_files(subject: Proving) -> list[str]:
    """The files that attachments name: no more of them than can be there, and some that cannot."""
    at_most = len(subject.manifest.files) + _TOLD
    with subject.looking() as inside:
        ((has_attachments,),) = inside.execute(_HAS_ATTACHMENTS).fetchall()
        return [str(name) for (name,) in inside.execute(_NAMES, [at_most])] if has_attachments else []


def _fault_of(source: Scratch, name: str) -> str:
    """What is wrong with a file, in words; "": nothing. Odoo names a file after the SHA-1 of its content."""
    if not is_content(name):
        return f"the file {name[:100]!r} cannot be in a filestore"
    with source.context.filestores.open_content(source.name, name) as file:
        if file is None:
            return f"the file {name} is missing"
        expected = Path(name).name
        if _SHA1.fullmatch(expected) and hashlib.file_digest(file, "sha1").hexdigest() != expected:
            return f"the file {name} has another content"
    return ""


def _show_login_page(subject: Proving) -> None:
    """Raises BackupNotServed, and as `login_page_fault`."""
    archive = subject.manifest.archive
    log = log_of(subject.source.context.settings, "proof", archive)
    if fault := login_page_fault(subject.source, log):
        raise BackupNotServed(archive, fault, log)


def login_page_fault(source: Scratch, log: Path) -> str:
    """What a real Odoo says is wrong; "": nothing.

    Raises OdooNotFound, InitialisationTimeout, InitialisationFailed.
    """
    context, name = source.context, source.name
    user = context.runtime.user_of(databases.oid(source.connection, name))
    with source.owner() as owner:
        return ProvingOdoo(context.settings, context.odoo(), name, owner, user, log).fault()


STEPS: tuple[Step[Proving], ...] = (
    *FIRST_STEPS,
    Step("compare", _compare),
    Step("attachments", _check_attachments),
    Step("login page", _show_login_page),
    Step("remove", Proving.discard),
)


# ---------------------------------------------------------------- the proof


def prove(context: Context, backup: str, on_step: OnStep = ignore) -> Proof:
    """Prove a backup, and keep the proof beside it; return it.

    What could not be verified replaces no earlier result. Raises ArchiveNotFound, Busy while another proof
    runs, PostgresUnreachable, InvalidStore, InvalidSetting, KeyLost, and StoreFailure or StoreRefused if a
    result cannot be kept.
    """
    target = place(context, context.settings.backups_url)
    with (
        context.maintenance() as connection,
        locks.exclusive(connection, "the proof of a backup", wait_s=_WAIT_S),
    ):
        _remove_remains(context, connection)
        return _kept(target, backup, _proof(context, connection, target, backup, on_step))


def due(found: Iterable[Backup]) -> list[Backup]:
    """Of each instance the newest backup without a result. found: the newest first."""
    newest: dict[str, Backup] = {}
    for backup in found:
        if not backup.proof or backup.proof.state is ProofState.UNVERIFIABLE:
            newest.setdefault(backup.identity or backup.name, backup)
    return list(newest.values())


def _proof(context: Context, connection: Connection, target: Place, backup: str, on_step: OnStep) -> Proof:
    """Raises ArchiveNotFound."""
    subject, state, detail = None, ProofState.PROVED, ""
    try:
        found = find_archive(target.store, target.keys, backup)
        subject = Proving(Scratch(context, connection, names.new_proof_database(), target, found))
        check_archive(subject.source)
        Operation("prove", backup, STEPS, on_step).run(subject)
        if subject.unknown:
            raise BackupNotCounted(backup, subject.unknown)
    except ArchiveNotFound:
        raise
    except TenantryError as error:
        state, detail = state_of(error, is_readable=subject is not None), str(error)
    proved_at = datetime.now(UTC).isoformat(timespec="seconds")
    return Proof(state, proved_at, round(subject.restore_s, 3) if subject else 0.0, detail)


def state_of(error: TenantryError, *, is_readable: bool) -> ProofState:
    """Whether the error says that the backup is bad, or only that it could not be verified.

    is_readable: our keys could decrypt its manifest.
    """
    match error:
        case ArchiveDamaged() | ArchiveNotTrusted() | BackupNotWhole() | BackupNotServed():
            return ProofState.FAILED
        case RestoreFailed() if not _OF_THE_MACHINE.search(error.said):
            return ProofState.FAILED
        case ArchiveKeyMissing() if is_readable:  # somebody put another object there
            return ProofState.FAILED
    return ProofState.UNVERIFIABLE


def _kept(target: Place, backup: str, proof: Proof) -> Proof:
    """Keep the proof. An earlier result stays, also one that cannot be read now, such as without the key.

    That the store is away is no second error of what could not be verified.
    """
    if proof.state is not ProofState.UNVERIFIABLE:
        put_proof(target, backup, proof)
        return proof
    with contextlib.suppress(StoreFailure, StoreRefused):
        earlier = find_proof(target, backup)
        if not earlier or (earlier.state is ProofState.UNVERIFIABLE and earlier.proved_at):
            put_proof(target, backup, proof)
        elif earlier.state is ProofState.PROVED:
            beside = f"On {proof.proved_at} it could not be verified again: {proof.detail}"
            put_proof(target, backup, replace(earlier, detail=beside))
    return proof


def _remove_remains(context: Context, connection: Connection) -> None:
    """Remove what killed proofs left: we hold the lock, so none of it is in use."""
    everything = databases.names(connection) | roles.ours(connection) | context.filestores.names()
    for name in {it.removesuffix(".partial") for it in everything if it.startswith(names.PROOF_PREFIX)}:
        with contextlib.suppress(ForeignDatabase):
            discard(context, connection, name)
