"""`tenantry instance`: list and show instances."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from tenantry.cli import instance_actions as actions
from tenantry.cli.common import JsonOption, LocalOption, NameArgument, command
from tenantry.cli.groups import Commands
from tenantry.cli.output import Columns, Output, megabytes, plain_text
from tenantry.cli.place import Place, choose_place, logged_in_master
from tenantry.errors import Conflict
from tenantry.model.operations import OPERATIONS

app = Commands(
    help="List instances and change them: on the master you are logged in to, else here.",
)

_LOG_COLUMNS: Columns = {
    "AT": lambda line: line.at,
    "LEVEL": lambda line: line.level,
    "OPERATION": lambda line: line.operation or "",
    "STEP": lambda line: line.step or "",
    "MESSAGE": lambda line: line.message,
}


@app.command(
    "list", "tenantry instance list --state suspended", "tenantry instance list --search acme --json"
)
@command
def list_(
    state: Annotated[str, typer.Option(help="Only instances in this state, such as active.")] = "",
    search: Annotated[str, typer.Option(help="Only instances with this text in their name.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="How many instances at most.")] = None,
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the instances."""
    output = Output(as_json=as_json)
    place = choose_place(output, local=local)
    rows = place.instances(state, search, limit)
    least = ("SIZE", "TEMPLATE", "PLAN", "COMPANY")
    output.table(rows, place.columns, "No instances; see `tenantry create`.", least)


@app.command("show", "tenantry instance show acme")
@command
def show(name: NameArgument, local: LocalOption = False, as_json: JsonOption = False) -> None:
    """Show one instance."""
    output = Output(as_json=as_json)
    place = choose_place(output, local=local)
    instance = place.instance(name)
    output.result(instance, *_lines(place, instance))


@app.command("open", "tenantry instance open acme")
@command
def open_(name: NameArgument, local: LocalOption = False, as_json: JsonOption = False) -> None:
    """Open an instance in the web browser, if this machine has one, and print its address."""
    output = Output(as_json=as_json)
    instance = choose_place(output, local=local).instance(name)
    output.result({"url": instance.url}, plain_text(instance.url))
    if not as_json:
        webbrowser.open(instance.url)


@app.command("usage", "tenantry instance usage acme")
@command
def usage(name: NameArgument, local: LocalOption = False, as_json: JsonOption = False) -> None:
    """Show how many users and how much storage an instance uses."""
    output = Output(as_json=as_json)
    found = choose_place(output, local=local).usage(name)
    output.result(
        found,
        f"Users          {found.users}",
        f"Storage        {megabytes(found.storage_bytes)}{_of_it_files(found.files_bytes)}",
        f"Last activity  {found.last_activity or 'none'}",
    )


def _of_it_files(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f", of it {megabytes(size_bytes)} of files"


@app.command("logs", "tenantry instance logs acme --hours 2 --level warning")
@command
def logs(
    name: NameArgument,
    hours: Annotated[int, typer.Option(min=1, help="How many hours back.")] = 24,
    level: Annotated[str, typer.Option(help="The lowest level: debug, info, warning, error.")] = "info",
    limit: Annotated[int, typer.Option(min=1, help="How many lines at most.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """Show the log of an instance's operations, the newest first. Needs a login: the log is on the master."""
    output = Output(as_json=as_json)
    output.table(
        logged_in_master(output).master.logs(name, hours, level, limit), _LOG_COLUMNS, "Nothing in this time."
    )


@app.command("check", "tenantry instance check acme")
@command
def check(name: NameArgument, as_json: JsonOption = False) -> None:
    """Check whether a name is free. Needs a login."""
    output = Output(as_json=as_json)
    judged = logged_in_master(output).master.check(name)
    output.result(judged, plain_text(f"{name} is free." if judged.available else judged.error or ""))
    if not judged.available:
        output.say(f"Free are: {', '.join(judged.suggestions)}")
        raise typer.Exit(Conflict.exit_code)


def _lines(place: Place, instance: object) -> list[str]:
    columns: Columns = {**place.columns, "LOGIN": lambda instance: instance.login}
    cells = {heading.capitalize(): str(value(instance)) for heading, value in columns.items()}
    return [f"{heading:<9} {plain_text(cell)}" for heading, cell in cells.items() if cell]


app.command("suspend", 'tenantry instance suspend acme --reason "Unpaid since March"')(actions.suspend)
for _row in OPERATIONS.values():
    if _row.takes_name_alone:
        app.command(_row.name, f"tenantry instance {_row.name} acme", help=_row.help)(
            actions.command_for(_row.name)
        )
app.command("duplicate", "tenantry instance duplicate acme acme-test --expires-days 7")(actions.duplicate)
app.command("rename", "tenantry instance rename acme zenith")(actions.rename)
app.command(
    "move",
    "tenantry instance move acme --to second",
    "tenantry instance move acme --back",
    "tenantry instance move acme --confirm",
)(actions.move)
app.command("domains", "tenantry instance domains acme www.acme.example shop.acme.example")(actions.domains)
app.command("install", "tenantry instance install acme crm project")(actions.install)
app.command("link", "tenantry instance link acme")(actions.link)
app.command("password", "tenantry instance password acme")(actions.password)
app.command("welcome", "tenantry instance welcome acme")(actions.welcome)
app.command("terminate", "tenantry instance terminate acme")(actions.terminate)
