"""`tenantry instance`: the commands that change an instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from tenantry import interrupts
from tenantry.agent.client import engine_at
from tenantry.cli import complete, left
from tenantry.cli.common import JsonOption, LocalOption, NameArgument, NoWaitOption, command, engine
from tenantry.cli.output import Output, plain_text, said_when_interrupted
from tenantry.cli.place import OptionRefused, Place, choose_place, logged_in_master
from tenantry.engine import moving
from tenantry.errors import InvalidInput, InvalidTransition
from tenantry.model.operations import OPERATIONS
from tenantry.model.states import Action


class NotConfirmed(InvalidInput):
    def __init__(self, name: str) -> None:
        super().__init__("That is not its name; nothing was done.")
        self.remedy = f"Type {name}, or give --yes."


class OneWay(InvalidInput):
    def __init__(self) -> None:
        super().__init__("It is not clear what to do.")
        self.remedy = "Give one of --to, --back and --confirm."


@command
def suspend(
    name: NameArgument,
    reason: Annotated[str, typer.Option(help="On a master: the reason, which the customer reads.")] = "",
    no_wait: NoWaitOption = False,
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Block an instance: its address answers 503, its scheduled jobs wait, its data stays."""
    output = Output(as_json=as_json)
    _act(output, choose_place(output, local=local), "suspend", name, reason=reason, no_wait=no_wait)


def command_for(operation: str) -> Callable[..., None]:
    """The command for an operation of `model.operations` that needs a name only."""

    @command
    def act(
        name: NameArgument,
        no_wait: NoWaitOption = False,
        local: LocalOption = False,
        as_json: JsonOption = False,
    ) -> None:
        output = Output(as_json=as_json)
        _act(output, choose_place(output, local=local), operation, name, no_wait=no_wait)

    return act


@command
def terminate(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask to type the name.")] = False,
    without_backup: Annotated[
        bool, typer.Option("--without-backup", help="Take no final backup; not on a master.")
    ] = False,
    no_wait: NoWaitOption = False,
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Drop an instance's database, files and role, after a final backup (see `tenantry backup list`)."""
    output = Output(as_json=as_json)
    place = choose_place(output, local=local)
    if without_backup and no_wait:
        raise OptionRefused("--no-wait", "with --without-backup")
    if not yes:
        confirm(f"This deletes all data of {name} {place}. Type its name", name)
    gone = {"terminated": name}
    _act(output, place, "terminate", name, result=gone, no_wait=no_wait, without_backup=without_backup)


@command
def duplicate(
    name: NameArgument,
    to: Annotated[str, typer.Argument(help="The name of the copy.")],
    expires_days: Annotated[
        int, typer.Option(min=0, help="After how many days the copy is stopped; 0: never.")
    ] = 14,
    as_json: JsonOption = False,
) -> None:
    """Make a copy of an instance of this machine, which sends no mails and runs no jobs."""
    output = Output(as_json=as_json)
    tenantry = engine(output, telling=True)
    with output.progress(f"Duplicating {name}", left.of_creation(tenantry, to)) as on_step:
        instance = tenantry.instances.duplicate(name, to, on_step, expires_days=expires_days)
    until = f" until {instance.expires_at[:10]}" if instance.expires_at else ""
    output.result(instance, plain_text(f"{to} is a copy of {name}, at {instance.url}{until}."))


@command
def rename(
    name: NameArgument,
    new_name: Annotated[str, typer.Argument(help="The new name.")],
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Rename an instance, which changes its address."""
    output = Output(as_json=as_json)
    place = choose_place(output, local=local)
    with output.progress(f"Renaming {name}", place.left_of_rename(name, new_name)) as on_step:
        instance = place.rename(name, new_name, on_step)
    output.result(instance, plain_text(f"{name} is now {instance.name}, at {instance.url}."))


@command
def domains(
    name: NameArgument,
    hostnames: Annotated[
        list[str] | None, typer.Argument(help="All its extra host names; none removes them.")
    ] = None,
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Set the host names at which an instance answers, besides its own address."""
    output = Output(as_json=as_json)
    place = choose_place(output, local=local)
    with output.progress(f"Setting the domains of {name}", place.left_of("set_domains", name)) as on_step:
        instance = place.set_domains(name, hostnames or [], on_step)
    names = ", ".join(place.domain_names(instance)) or "no other host name"
    output.result(instance, plain_text(f"{name} answers at {names}."))


@command
def install(
    name: NameArgument,
    modules: Annotated[list[str], typer.Argument(help="Technical names, such as crm.")],
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Install modules, and their dependencies, in an instance."""
    output = Output(as_json=as_json)
    place = choose_place(output, local=local)
    with output.progress(f"Installing in {name}", place.left_of("install", name)) as on_step:
        installed = place.install(name, modules, on_step)
    line = f"Installed in {name}: {', '.join(installed)}." if installed else "They are installed already."
    output.result({"installed": installed}, line)


@command
def move(
    name: NameArgument,
    to: Annotated[str, typer.Option(help="The server to move it to.", autocompletion=complete.servers)] = "",
    back: Annotated[bool, typer.Option("--back", help="Move it back to the server that it left.")] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Remove the data that it left behind here.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Move an instance of this machine to another server; its visitors wait for some seconds.

    The server that it leaves keeps its data until the move is confirmed, and leads its visitors to the other.
    """
    output = Output(as_json=as_json)
    if (bool(to), back, confirm).count(True) != 1:
        raise OneWay
    source = engine(output)
    if confirm:
        with output.progress(f"Confirming the move of {name}", left.of_change(source, name)) as on_step:
            moving.confirm(source, name, on_step)
        output.result({"confirmed": name}, plain_text(f"What {name} left behind is removed."))
        return
    if back:
        found = source.instances.get(name)
        if not found.moved_to:
            raise InvalidTransition(name, found.state, Action.CONFIRM_MOVE)
    elsewhere = engine_at(found.moved_to if back else to)
    leaving: moving.Server = elsewhere if back else source
    reaching: moving.Server = source if back else elsewhere
    with output.progress(f"Moving {name}", left.of_change(source, name)) as on_step:
        moved = moving.move(leaving, reaching, name, on_step)
    output.result(
        moved,
        plain_text(f"{name} is on the server {moved.target}, at {moved.instance.url}."),
        f"Its visitors waited for {moved.pause_s:.1f} s. The same are {moved.tables} tables with {moved.rows}"
        f" rows, and {moved.files} files.",
    )


SendOption = Annotated[
    bool, typer.Option("--send", help="On a master: mail it to the administrator instead of printing it.")
]


@command
def link(
    name: NameArgument,
    send: SendOption = False,
    support: Annotated[
        bool, typer.Option("--support", help="For support: with consent, for 15 minutes. Not on a master.")
    ] = False,
    by: Annotated[str, typer.Option(help="Your name, which the customer can read. Not on a master.")] = "",
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print a link that logs its bearer in once, as the instance's administrator."""
    output = Output(as_json=as_json)
    place = choose_place(output, local=local)
    with said_when_interrupted(left.of_login_link(name, send=send)):
        made = place.login_link(name, send=send, support=support, by=by)
    output.result(made, plain_text(made.url.reveal() if made.url else _mailed(made.sent_to)))


@command
def password(
    name: NameArgument, send: SendOption = False, local: LocalOption = False, as_json: JsonOption = False
) -> None:
    """Reset the password of an instance's administrator and print the new one; their sessions end.

    With --send they get a link by mail, and choose a password themselves.
    """
    output = Output(as_json=as_json)
    place = choose_place(output, local=local)
    with said_when_interrupted(left.of_password(name, send=send)):
        new = place.reset_password(name, send=send)
    if new.password:
        lines = [
            plain_text(f"  Login     {new.login}"),
            plain_text(f"  Password  {new.password.reveal()} (shown once)"),
        ]
    else:
        lines = [plain_text(_mailed(new.sent_to))]
    output.result(new, *lines)


@command
def welcome(name: NameArgument, as_json: JsonOption = False) -> None:
    """Send the mail of a new instance again, with a new login link. Needs a login."""
    output = Output(as_json=as_json)
    master = logged_in_master(output).master
    with said_when_interrupted(left.of_mail(f"the administrator of {name}")):
        address = master.send_welcome(name)
    output.result({"sent_to": address}, plain_text(_mailed(address)))


def _mailed(address: str | None) -> str:
    return f"A mail to {address} is on its way."


def _act(
    output: Output,
    place: Place,
    action: str,
    name: str,
    *,
    reason: str = "",
    result: Any = None,
    no_wait: bool,
    without_backup: bool = False,
) -> None:
    """Run an operation, show its progress, and print the result."""
    row = OPERATIONS[action]
    if no_wait:
        with said_when_interrupted(place.left_of(action, name)):
            begun = place.begin(action, name, reason)
        output.result(begun, f"{row.doing} {name} is under way.")
        return
    with output.progress(f"{row.doing} {name}", place.left_of(action, name)) as on_step:
        instance = place.act(action, name, on_step, reason, without_backup=without_backup)
    line = f"{name} {row.done}".replace("{url}", instance.url if instance else "")
    output.result(result or instance, plain_text(line))


def confirm(question: str, name: str) -> None:
    """Ask for the name. Raises NotConfirmed for another one, or without a terminal."""
    try:
        answer = typer.prompt(question, err=True)
    except typer.Abort:
        if interrupts.happened():
            raise
        answer = None
    if answer != name:
        raise NotConfirmed(name)
