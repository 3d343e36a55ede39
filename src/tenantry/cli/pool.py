"""`tenantry pool`: list and make spares."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry.cli import left
from tenantry.cli.common import CodeArgument, JsonOption, command, engine
from tenantry.cli.groups import Commands
from tenantry.cli.output import Columns, Output
from tenantry.errors import TemplateNotFound

app = Commands(help="List the spares of the pool, and fill it.")

_COLUMNS: Columns = {
    "TEMPLATE": lambda pool: pool.template,
    "USABLE": lambda pool: pool.usable,
    "SPARES": lambda pool: pool.spares,
}


@app.command("list")
@command
def list_(as_json: JsonOption = False) -> None:
    """List how many spares each template has."""
    output = Output(as_json=as_json)
    output.table(engine(output).pool.status(), _COLUMNS, "No templates yet; see `tenantry template build`.")


@app.command("fill", "tenantry pool fill restaurant --size 5")
@command
def fill(
    code: CodeArgument = "blank",
    size: Annotated[int | None, typer.Option(min=0, max=1000, help="How many spares to have.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make spares until the pool is full; outdated and unfinished ones are removed."""
    output = Output(as_json=as_json)
    tenantry = engine(output)
    with output.progress(f"Filling the pool of {code}", left.of_filling(tenantry, code)) as on_step:
        try:
            made = tenantry.pool.fill(code, size, on_step)
        except TemplateNotFound as error:
            raise tenantry.templates.missing(error.code) from error
    output.result({"template": code, "made": made}, f"Made {made} spare{'s' * (made != 1)} of {code}.")
