"""`tenantry master`: the back office's address and its administrator's password."""

from __future__ import annotations

from tenantry import interrupts
from tenantry.cli.common import JsonOption, command, engine
from tenantry.cli.groups import Commands
from tenantry.cli.output import Output
from tenantry.model.secret import Secret

app = Commands(help="Reach the back office.")


@app.command()
@command
def url(as_json: JsonOption = False) -> None:
    """Print the address of the back office."""
    output = Output(as_json=as_json)
    address = engine(output).master.url
    output.result({"url": address}, address)


@app.command()
@command
def password(as_json: JsonOption = False) -> None:
    """Set a new password for the administrator and print it; their open sessions end."""
    output = Output(as_json=as_json)
    master = engine(output).master
    login = master.admin_login()
    interrupts.finish()  # the password is shown once
    new = master.reset_admin_password()
    output.result({"login": login, "password": new}, *login_lines(login, new))


def login_lines(login: str, password: Secret) -> tuple[str, str]:
    """The lines with a login and its password."""
    return f"  Login     {login}", f"  Password  [bold]{password.reveal()}[/] (shown once)"
