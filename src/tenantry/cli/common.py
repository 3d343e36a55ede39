"""Common parts of the commands: options, the engine, errors as exit codes."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Annotated, ParamSpec

import typer

from tenantry.cli.output import Output
from tenantry.engine import Engine
from tenantry.errors import TenantryError

Arguments = ParamSpec("Arguments")

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
NameArgument = Annotated[str, typer.Argument(help="The instance's name, the first part of its address.")]
LocalOption = Annotated[
    bool,
    typer.Option("--local", help="Use the engine of this machine, even if you are logged in to a master."),
]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="On a master: do not wait until it is done.")]
CodeArgument = Annotated[str, typer.Argument(help="The template's code, such as blank.")]

INTERRUPTED = 130


def command(function: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Print the engine's errors as a sentence and a remedy, and exit with the code of the error's family."""

    @functools.wraps(function)
    def wrapper(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except TenantryError as error:
            Output(as_json=bool(kwargs.get("as_json"))).error(error)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    return wrapper


def engine(output: Output, *, telling: bool = False) -> Engine:
    """The engine, with the settings of the environment. Raises InvalidSetting.

    telling: print what is found, fetched and started, for commands that may take a while.
    """
    return Engine(report=output.say) if telling else Engine()


def set_verbosity(verbose: int) -> None:
    level = (logging.ERROR, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
