"""`tenantry instance`: what runs, and what to do with it."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from tenantry.cli.common import JsonOption, NameArgument, command, engine
from tenantry.cli.output import Columns, Output, megabytes
from tenantry.errors import InvalidInput
from tenantry.model.instance import Instance

app = typer.Typer(help="Look at instances and change their state.", no_args_is_help=True)

_COLUMNS: Columns = {
    "NAME": lambda instance: instance.name,
    "STATE": lambda instance: instance.state,
    "URL": lambda instance: instance.url,
    "TEMPLATE": lambda instance: f"{instance.template} {instance.template_version}",
    "SIZE": lambda instance: megabytes(instance.size_bytes),
}


class NotConfirmed(InvalidInput):
    def __init__(self, name: str) -> None:
        super().__init__("The name typed is another one; nothing was done.")
        self.remedy = f"Type {name}, or give --yes."


@app.command("list")
@command
def list_(as_json: JsonOption = False) -> None:
    """List every instance."""
    output = Output(as_json=as_json)
    output.table(engine(output).instances(), _COLUMNS, "No instances yet; see `tenantry create`.")


@app.command()
@command
def show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show one instance."""
    output = Output(as_json=as_json)
    instance = engine(output).instance(name)
    output.result(instance, *_lines(instance))


@app.command()
@command
def suspend(name: NameArgument, as_json: JsonOption = False) -> None:
    """Block an instance: its address answers 503, its jobs rest, its data stays."""
    output = Output(as_json=as_json)
    with output.progress(f"Suspending {name}") as on_step:
        instance = engine(output).suspend(name, on_step)
    output.result(instance, f"{name} is suspended.")


@app.command()
@command
def reactivate(name: NameArgument, as_json: JsonOption = False) -> None:
    """Let a suspended instance run again."""
    output = Output(as_json=as_json)
    with output.progress(f"Reactivating {name}") as on_step:
        instance = engine(output).reactivate(name, on_step)
    output.result(instance, f"{name} is active at {instance.url}.")


@app.command()
@command
def stop(name: NameArgument, as_json: JsonOption = False) -> None:
    """Let an instance rest: its address answers 503, its jobs wait, until it is started."""
    output = Output(as_json=as_json)
    with output.progress(f"Stopping {name}") as on_step:
        instance = engine(output).stop_instance(name, on_step)
    output.result(instance, f"{name} is stopped.")


@app.command()
@command
def start(name: NameArgument, as_json: JsonOption = False) -> None:
    """Start a stopped instance."""
    output = Output(as_json=as_json)
    with output.progress(f"Starting {name}") as on_step:
        instance = engine(output).start_instance(name, on_step)
    output.result(instance, f"{name} is active at {instance.url}.")


@app.command()
@command
def restart(name: NameArgument, as_json: JsonOption = False) -> None:
    """Stop an instance and start it: it is loaded anew."""
    output = Output(as_json=as_json)
    with output.progress(f"Restarting {name}") as on_step:
        instance = engine(output).restart_instance(name, on_step)
    output.result(instance, f"{name} is active at {instance.url}.")


@app.command()
@command
def rename(
    name: NameArgument,
    new_name: Annotated[str, typer.Argument(help="What it is to be called.")],
    as_json: JsonOption = False,
) -> None:
    """Give an instance another name, and with it another address."""
    output = Output(as_json=as_json)
    with output.progress(f"Renaming {name}") as on_step:
        instance = engine(output).rename(name, new_name, on_step)
    output.result(instance, f"{name} is now {new_name}, at {instance.url}.")


@app.command()
@command
def domains(
    name: NameArgument,
    hostnames: Annotated[
        list[str] | None, typer.Argument(help="All it is to have; without any it has none.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Let an instance answer at these host names, besides its own address."""
    output = Output(as_json=as_json)
    instance = engine(output).set_hostnames(name, hostnames or [])
    output.result(instance, f"{name} answers at {', '.join(instance.hostnames) or 'no other host name'}.")


@app.command()
@command
def install(
    name: NameArgument,
    modules: Annotated[list[str], typer.Argument(help="Technical names, such as crm.")],
    as_json: JsonOption = False,
) -> None:
    """Install modules in an instance, and what they depend on."""
    output = Output(as_json=as_json)
    installed = engine(output).install_modules(name, modules)
    told = f"Installed in {name}: {', '.join(installed)}." if installed else "They are installed already."
    output.result({"installed": installed}, told)


@app.command()
@command
def terminate(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask to type the name.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Drop an instance's database, files and role for good."""
    output = Output(as_json=as_json)
    tenantry = engine(output)
    if not yes and typer.prompt(f"This deletes all data of {name}. Type its name", err=True) != name:
        raise NotConfirmed(name)
    with output.progress(f"Terminating {name}") as on_step:
        tenantry.terminate(name, on_step)
    output.result({"terminated": name}, f"{name} is gone.")


@app.command("open")
@command
def open_(name: NameArgument, as_json: JsonOption = False) -> None:
    """Open an instance in the web browser, if there is one, and print its address."""
    output = Output(as_json=as_json)
    instance = engine(output).instance(name)
    output.result({"url": instance.url}, instance.url)
    if not as_json:
        webbrowser.open(instance.url)


@app.command()
@command
def link(
    name: NameArgument,
    support: Annotated[
        bool, typer.Option("--support", help="For support: with consent, for 15 minutes.")
    ] = False,
    by: Annotated[str, typer.Option(help="Your name, for the record the customer reads.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Print an address that lets its bearer in once, as the instance's administrator."""
    output = Output(as_json=as_json)
    url = engine(output).login_link(name, by=by, support=support).reveal()
    output.result({"url": url}, url)


@app.command()
@command
def usage(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show how many users and how much storage an instance uses."""
    output = Output(as_json=as_json)
    found = engine(output).usage(name)
    output.result(
        found,
        f"Users          {found.users}",
        f"Storage        {megabytes(found.storage_bytes)}",
        f"Last activity  {found.last_activity or 'none'}",
    )


def _lines(instance: Instance) -> list[str]:
    columns: Columns = {**_COLUMNS, "LOGIN": lambda instance: instance.login}
    return [f"{heading.capitalize():<9} {value(instance)}" for heading, value in columns.items()]
