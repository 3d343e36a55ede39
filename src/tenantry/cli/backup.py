"""`tenantry backup`: back instances up into the server's store, and see what is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from tenantry.cli import complete, left, restores
from tenantry.cli.common import JsonOption, NameArgument, command, engine
from tenantry.cli.groups import Commands
from tenantry.cli.instance_actions import confirm
from tenantry.cli.output import Columns, Output, megabytes, plain_text, said_when_interrupted, utc_minute
from tenantry.errors import Conflict
from tenantry.model.backup import Backup, Proof, ProofState
from tenantry.model.proofs import ProofSummary, summarize

app = Commands(help="Back instances of this machine up, and list the backups.")

BackupArgument = Annotated[str, typer.Argument(help="The backup's name, as `backup list` prints it.")]


def _minute(moment: str) -> str:
    return utc_minute(datetime.fromisoformat(moment).timestamp()) if moment else ""


_WORDS = {
    ProofState.PROVED: "proved",
    ProofState.FAILED: "failed",
    ProofState.UNVERIFIABLE: "could not be verified",
}


def _proof(backup: Backup) -> str:
    if backup.fault:
        return "unreadable"
    return _WORDS[backup.proof.state] if backup.proof else "not yet"


def _restored(proof: Proof | None) -> str:
    """How long the restore took; "" if it did not come to its end."""
    return f"{proof.restore_s:.1f} s" if proof and proof.restore_s else ""


_COLUMNS: Columns = {
    "BACKUP": lambda backup: backup.backup,
    "INSTANCE": lambda backup: backup.name,
    "MADE": lambda backup: _minute(backup.made_at),
    "WHY": lambda backup: "" if backup.fault else backup.reason,
    "SIZE": lambda backup: megabytes(backup.size_bytes),
    "PROOF": _proof,
    "LOOKED AT": lambda backup: _minute(backup.proof.proved_at) if backup.proof else "",
    "RESTORED IN": lambda backup: _restored(backup.proof),
}


@app.command("now", "tenantry backup now acme")
@command
def now(name: NameArgument, as_json: JsonOption = False) -> None:
    """Back an instance up; it stays in use meanwhile."""
    output = Output(as_json=as_json)
    with output.progress(f"Backing {name} up", left.of_dump(name)) as on_step:
        backup = engine(output).backups.take(name, on_step)
    output.result(backup, f"{backup.backup}: {megabytes(backup.size_bytes)}, {backup.files} files.")


@app.command("list", "tenantry backup list", "tenantry backup list acme")
@command
def list_(
    name: Annotated[
        str,
        typer.Argument(help="Of instances that had this name.", autocompletion=complete.instances),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """List the backups, the newest first; also those of instances that are gone."""
    output = Output(as_json=as_json)
    found = engine(output).backups.all(name)
    output.table(found, _COLUMNS, "No backups yet; see `tenantry backup now`.", least=("WHY", "SIZE"))
    if found:
        output.say(_told(summarize(found, datetime.now(UTC))))


def _told(summary: ProofSummary) -> str:
    counts = f"{summary.proved} proved, {summary.failed} failed, {summary.unverifiable} could not be verified"
    told = f"{counts}, {summary.not_yet} not yet."
    if summary.proved:
        told += (
            f" Restoring took {summary.restore_p50_s:.1f} s (half of them), {summary.restore_p95_s:.1f} s"
            f" (95 %), {summary.restore_worst_s:.1f} s (the longest)."
        )
    if summary.oldest_unproved_s:
        told += f" The oldest without a result is {summary.oldest_unproved_s / 3600:.0f} h old."
    return told


@app.command("prove", "tenantry backup prove", "tenantry backup prove acme-20261129-213000-1a2b3c")
@command
def prove(
    backup: Annotated[
        str, typer.Argument(help="Without it: of each instance the newest that was not proved yet.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Restore a backup to scratch, compare it with its manifest, and let a real Odoo draw its login page."""
    output = Output(as_json=as_json)
    backups = engine(output).backups
    states = set()
    for chosen in [backup] if backup else [it.backup for it in backups.unproved()]:
        with output.progress(f"Proving {chosen}", left.of_proof()) as on_step:
            proof = backups.prove(chosen, on_step)
        states.add(proof.state)
        output.line({"backup": chosen, **asdict(proof)}, plain_text(f"{chosen}: {_result(proof)}"))
    if states - {ProofState.PROVED}:
        raise typer.Exit(Conflict.exit_code)


def _result(proof: Proof) -> str:
    took = f"restored in {_restored(proof)}" if proof.restore_s else ""
    return ", ".join(filter(None, [_WORDS[proof.state], took, proof.detail]))


@app.command("show", "tenantry backup show acme-20261129-213000-1a2b3c")
@command
def show(backup: BackupArgument, as_json: JsonOption = False) -> None:
    """Show a backup: when and why it was made, and what its proof said."""
    output = Output(as_json=as_json)
    found = engine(output).backups.get(backup)
    output.result(found, *(plain_text(f"  {label:<12}{text}") for label, text in _facts(found)))


@app.command("prune", "tenantry backup prune", "tenantry backup prune --daily 14 --dry-run")
@command
def prune(
    daily: Annotated[int, typer.Option(min=0, help="Of so many days the newest is kept.")] = 7,
    weekly: Annotated[int, typer.Option(min=0, help="Of so many weeks.")] = 4,
    monthly: Annotated[int, typer.Option(min=0, help="Of so many months.")] = 3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which ones would be removed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove backups that need not be kept, and what no backup needs any more.

    The last good backup of an instance is never removed, except some time after its termination.
    """
    output = Output(as_json=as_json)
    backups = engine(output).backups
    retention = replace(backups.retention, daily=daily, weekly=weekly, monthly=monthly)
    with said_when_interrupted(left.of_pruning()):
        pruned = backups.prune(retention, only_tell=dry_run)
    count = f"{len(pruned.removed)} backup{'s' * (len(pruned.removed) != 1)}"
    if dry_run:
        output.result(pruned, f"{count} would be removed.", *pruned.removed)
        return
    output.result(pruned, f"Removed {count} and {pruned.files} files ({megabytes(pruned.freed_bytes)}).")


@app.command("remove", "tenantry backup remove acme-20261129-213000-1a2b3c")
@command
def remove(
    backup: BackupArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask to type its name.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a backup, even the last one of an instance. This cannot be undone."""
    output = Output(as_json=as_json)
    backups = engine(output).backups
    if not yes:
        confirm("This removes the backup. Type its name", backup)
    with said_when_interrupted(left.of_pruning()):
        backups.remove(backup)
    output.result({"removed": backup}, f"{backup} is gone.")


def _facts(found: Backup) -> Iterator[tuple[str, str]]:
    yield "Backup", found.backup
    yield "Instance", found.name
    yield "Made", _minute(found.made_at)
    if found.fault:
        yield "Unreadable", found.fault
        return
    yield "Why", found.reason
    yield "Odoo", found.series
    yield "Size", f"{megabytes(found.size_bytes)}, {found.files} files"
    if found.skipped:
        yield "Left out", f"{found.skipped} that are not files of Odoo's"
    for line in found.uncounted:
        yield "Not counted", line
    yield "Proof", _proof(found)
    if found.proof:
        restored = f", restored in {_restored(found.proof)}" if found.proof.restore_s else ""
        yield "", f"{_minute(found.proof.proved_at)}{restored}"
        if found.proof.detail:
            yield "", found.proof.detail


app.command("restore", "tenantry backup restore acme-20261129-213000-1a2b3c acme")(restores.restore)
app.command("put-back", "tenantry backup put-back acme")(restores.put_back)
app.command("confirm", "tenantry backup confirm acme")(restores.confirm)
app.command("kept")(restores.kept)
app.command("sweep")(restores.sweep)
