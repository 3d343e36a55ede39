"""`tenantry backup`: restore a backup, put the former data back, or remove it."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry.cli import left
from tenantry.cli.common import JsonOption, NameArgument, command, engine
from tenantry.cli.instance_actions import confirm as ask_for_name
from tenantry.cli.output import Columns, Output, plain_text

KEPT_COLUMNS: Columns = {
    "INSTANCE": lambda kept: kept.name,
    "BACKUP": lambda kept: kept.backup,
    "SINCE": lambda kept: kept.since,
    "UNTIL": lambda kept: kept.until or "confirmed",
}


@command
def restore(
    backup: Annotated[str, typer.Argument(help="The backup's name, as `backup list` prints it.")],
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask to type the name.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Let an instance have the data of a backup; its present data is kept for some days.

    If there is no instance of that name, a stopped one is made.
    """
    output = Output(as_json=as_json)
    tenantry = engine(output, telling=True)
    is_there = bool(tenantry.instances.state(name))
    if is_there and not yes:
        ask_for_name(f"{name} gets the data of {backup}, and loses what came later. Type its name", name)
    whats_left = left.of_change(tenantry, name) if is_there else left.of_creation(tenantry, name)
    with output.progress(f"Restoring {name}", whats_left) as on_step:
        instance = tenantry.backups.restore(backup, name, on_step)
    lines = [f"{name} is {instance.state}, at {instance.url}."]
    if is_there:
        lines.append(f"Its former data is kept; `tenantry backup put-back {name}` uses it again.")
    output.result(instance, *map(plain_text, lines))


@command
def put_back(name: NameArgument, as_json: JsonOption = False) -> None:
    """Let an instance have its data from before a restore again; the present data is kept in turn."""
    output = Output(as_json=as_json)
    tenantry = engine(output)
    with output.progress(f"Putting the data of {name} back", left.of_change(tenantry, name)) as on_step:
        instance = tenantry.backups.put_back(name, on_step)
    output.result(instance, plain_text(f"{name} has its former data, and is {instance.state}."))


@command
def confirm(name: NameArgument, as_json: JsonOption = False) -> None:
    """Remove the data that an instance had before its restore."""
    output = Output(as_json=as_json)
    tenantry = engine(output)
    with output.progress(f"Confirming the restore of {name}", left.of_change(tenantry, name)) as on_step:
        tenantry.backups.confirm(name, on_step)
    output.result({"confirmed": name}, plain_text(f"Nothing of {name} is kept from before a restore."))


@command
def kept(as_json: JsonOption = False) -> None:
    """List the data that is kept from before a restore."""
    output = Output(as_json=as_json)
    output.table(engine(output).backups.kept(), KEPT_COLUMNS, "Nothing is kept.")


@command
def sweep(as_json: JsonOption = False) -> None:
    """Remove data that was kept long enough, and stop copies that have expired: once a day, from a timer."""
    output = Output(as_json=as_json)
    swept = engine(output).backups.sweep()
    output.result(
        swept,
        f"Removed from before a restore: {', '.join(swept.removed) or 'nothing'}.",
        f"Stopped, because expired: {', '.join(swept.stopped) or 'nothing'}.",
    )
