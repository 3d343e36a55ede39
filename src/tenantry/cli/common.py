"""Common parts of the commands: options, the engine, errors as exit codes."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import Annotated, ParamSpec

import typer

from tenantry import interrupts
from tenantry.cli import complete
from tenantry.cli.output import Output
from tenantry.engine import Engine
from tenantry.errors import InstallationNotFound, Interrupted, TenantryError
from tenantry.home import usable_home
from tenantry.model.secret import Secret

Arguments = ParamSpec("Arguments")

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
NameArgument = Annotated[
    str,
    typer.Argument(
        help="The instance's name, the first part of its address.", autocompletion=complete.instances
    ),
]
LocalOption = Annotated[
    bool,
    typer.Option("--local", help="Use the engine of this machine, even if you are logged in to a master."),
]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="On a master: do not wait until it is done.")]
CodeArgument = Annotated[
    str, typer.Argument(help="The template's code, such as blank.", autocompletion=complete.codes)
]


def command(function: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Print the engine's errors as a sentence and a remedy, and exit with the code of the error's family.

    An interrupted command has changed nothing, unless it says otherwise: it changes something only in
    `Output.progress`, in `said_when_interrupted`, or after `interrupts.finish`.
    """

    @functools.wraps(function)
    def wrapper(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            interrupts.begin()
            try:
                function(*args, **kwargs)
            except KeyboardInterrupt:
                raise Interrupted("nothing was changed") from None
            except typer.Abort:  # of a question that was asked
                if not interrupts.happened():
                    raise
                raise Interrupted("nothing was changed") from None
            finally:
                interrupts.finish()
        except TenantryError as error:
            Output(as_json=bool(kwargs.get("as_json"))).error(error)
            raise typer.Exit(error.exit_code) from error

    return wrapper


def engine(output: Output, *, telling: bool = False, makes: bool = False) -> Engine:
    """The engine, with the settings of the environment. Raises InvalidSetting, InstallationNotFound.

    telling: print what is found, fetched and started, for commands that may take a while. makes: make an
    installation if there is none.
    """
    home = usable_home(os.environ)
    if not home.is_there and not makes:
        raise InstallationNotFound(home.looked_at, home.folder)
    if not home.is_there:
        output.say(f"A new installation in {home.folder}.")
    elif home.found:
        output.say(f"The installation is {home.folder}: {home.found}.")
    return Engine.of(report=output.say) if telling else Engine.of()


def asked_secret(question: str) -> Secret:
    """Ask for a secret without showing it, or read it from a pipe: on a command line others could read it."""
    if sys.stdin.isatty():
        return Secret(typer.prompt(question, hide_input=True))
    return Secret(sys.stdin.readline().rstrip("\n"))


def set_verbosity(verbose: int) -> None:
    level = (logging.ERROR, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
