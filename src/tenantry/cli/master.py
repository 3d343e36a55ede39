"""`tenantry master`: the back office's address and its administrator's password."""

from __future__ import annotations

import typer

from tenantry.cli.common import JsonOption, command, engine
from tenantry.cli.output import Output
from tenantry.model.secret import Secret

app = typer.Typer(help="Reach the back office.", no_args_is_help=True)


@app.command()
@command
def url(as_json: JsonOption = False) -> None:
    """Print where the back office is."""
    output = Output(as_json=as_json)
    address = engine(output).master.url
    output.result({"url": address}, address)


@app.command()
@command
def password(as_json: JsonOption = False) -> None:
    """Give the administrator a new password and print it; who is logged in must log in again."""
    output = Output(as_json=as_json)
    master = engine(output).master
    login, new = master.admin_login(), master.reset_admin_password()
    output.result({"login": login, "password": new}, *login_lines(login, new))


def login_lines(login: str, password: Secret) -> tuple[str, str]:
    """A login as a person reads it, this once."""
    return f"  Login     {login}", f"  Password  [bold]{password.reveal()}[/] (shown once)"
