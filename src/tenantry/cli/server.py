"""`tenantry server`: the servers of this installation."""

from __future__ import annotations

import typer

from tenantry.cli.common import JsonOption, command, engine
from tenantry.cli.output import Columns, Output
from tenantry.errors import TenantryError

_COLUMNS: Columns = {
    "NAME": lambda found: found["name"],
    "ODOO": lambda found: found["series"],
    "BASE DOMAIN": lambda found: found["base_domain"],
    "STATE": lambda found: found["state"],
}

app = typer.Typer(help="The servers of this installation.", no_args_is_help=True)


@app.callback()
def _several() -> None:
    """Without it Typer would take the one command for the whole."""


@app.command("list")
@command
def list_(as_json: JsonOption = False) -> None:
    """List the installation's own server and those of settings.toml."""
    output = Output(as_json=as_json)
    own = engine(output)
    found = []
    for each in (own, *own.others):
        facts = each.facts()
        try:
            state = "up" if each.is_up() else "down"
        except TenantryError:
            state = "down"
        known = {"name": facts.name, "series": facts.series, "base_domain": facts.base_domain}
        found.append({**known, "state": state})
    output.table(found, _COLUMNS, "")
