"""`tenantry server`: the servers of this installation."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry.cli import complete
from tenantry.cli.common import JsonOption, asked_secret, command, engine
from tenantry.cli.groups import Commands
from tenantry.cli.output import Columns, Output, said_when_interrupted
from tenantry.engine import Engine
from tenantry.errors import AccessRefused, ClusterTaken, InvalidInput, TenantryError

_COLUMNS: Columns = {
    "NAME": lambda found: found["name"],
    "ODOO": lambda found: found["series"],
    "BASE DOMAIN": lambda found: found["base_domain"],
    "STATE": lambda found: found["state"],
}

app = Commands(help="The servers of this installation.")


@app.callback()
def _several() -> None:
    """Typer needs this callback: otherwise the only command would replace the group."""


@app.command("list")
@command
def list_(as_json: JsonOption = False) -> None:
    """List the installation's own server and those of settings.toml."""
    output = Output(as_json=as_json)
    own = engine(output)
    names = (own.settings.name, *own.settings.others())
    output.table([_described(own, name) for name in names], _COLUMNS, "")


def _described(own: Engine, name: str) -> dict[str, str]:
    described = {"name": name, "series": "", "base_domain": "", "state": "down"}
    try:
        facts = own.at(name).facts()
        described |= {"series": facts.series, "base_domain": facts.base_domain}
        described |= {"state": "up" if own.at(name).is_up() else "down"}
    except (InvalidInput, AccessRefused, ClusterTaken) as error:
        described |= {"state": str(error)}
    except TenantryError:
        pass
    return described


@app.command("token", "tenantry server token cloud")
@command
def token(
    name: Annotated[str, typer.Argument(help="A server in settings.toml.", autocompletion=complete.servers)],
    as_json: JsonOption = False,
) -> None:
    """Keep the token with which a server reaches Railway: it is asked for, or read from a pipe."""
    output = Output(as_json=as_json)
    server = engine(output).at(name)
    found = asked_secret("Its token")
    with said_when_interrupted(lambda: (f"the token of {name} may be the new one", "")):
        server.keep_token(found)
    output.result({"server": name}, f"The server {name} uses this token from now on.")
