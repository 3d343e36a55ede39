"""`tenantry backup`: back instances up into the server's store, and see what is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer

from tenantry.cli import complete, left, restores
from tenantry.cli.common import JsonOption, NameArgument, command, engine
from tenantry.cli.groups import Commands
from tenantry.cli.instance_actions import confirm
from tenantry.cli.output import Columns, Output, megabytes, plain_text, said_when_interrupted, utc_minute
from tenantry.model.backup import Backup

app = Commands(help="Back instances of this machine up, and list the backups.")

BackupArgument = Annotated[str, typer.Argument(help="The backup's name, as `backup list` prints it.")]


def _minute(moment: str) -> str:
    return utc_minute(datetime.fromisoformat(moment).timestamp()) if moment else ""


def _proof(backup: Backup) -> str:
    if backup.fault:
        return "unreadable"
    return str(backup.proof.state) if backup.proof else "not yet"


_COLUMNS: Columns = {
    "BACKUP": lambda backup: backup.backup,
    "INSTANCE": lambda backup: backup.name,
    "MADE": lambda backup: _minute(backup.made_at),
    "WHY": lambda backup: "" if backup.fault else backup.reason,
    "SIZE": lambda backup: megabytes(backup.size_bytes),
    "PROOF": _proof,
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
    output.table(engine(output).backups.all(name), _COLUMNS, "No backups yet; see `tenantry backup now`.")


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
        yield "", f"{_minute(found.proof.proved_at)}, restored in {found.proof.restore_s:.0f} s"
        if found.proof.detail:
            yield "", found.proof.detail


app.command("restore", "tenantry backup restore acme-20261129-213000-1a2b3c acme")(restores.restore)
app.command("put-back", "tenantry backup put-back acme")(restores.put_back)
app.command("confirm", "tenantry backup confirm acme")(restores.confirm)
app.command("kept")(restores.kept)
app.command("sweep")(restores.sweep)
