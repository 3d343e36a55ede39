"""`tenantry`: the command and its subcommands."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from tenantry import __version__
from tenantry.cli import (
    archive,
    bench,
    create,
    demo,
    instance,
    login,
    mail,
    master,
    pool,
    request,
    server,
    stack,
    template,
    tenants,
)
from tenantry.cli.common import set_verbosity

app = typer.Typer(
    name="tenantry",
    help="Turn a server into an Odoo SaaS.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.add_typer(template.app, name="template")
app.add_typer(pool.app, name="pool")
app.add_typer(instance.app, name="instance")
app.add_typer(archive.app, name="archive")
app.add_typer(request.app, name="request")
app.add_typer(master.app, name="master")
app.add_typer(server.app, name="server")
app.add_typer(mail.app, name="mail")
app.add_typer(tenants.serve, name="serve")
app.command()(stack.up)
app.command()(stack.stop)
app.command()(stack.doctor)
app.command()(tenants.ps)
app.command()(tenants.logs)
app.command()(tenants.agent)
app.command()(login.login)
app.command()(login.logout)
app.command()(login.whoami)
app.command()(create.create)
app.command()(demo.demo)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(bench.bench)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tenantry {__version__}")
        raise typer.Exit


@app.callback()
def main(
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Log the steps; give it twice for more.")
    ] = 0,
    server_name: Annotated[
        str,
        typer.Option("--server", envvar="TENANTRY_SERVER", help="One of the servers in settings.toml."),
    ] = "",
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    set_verbosity(verbose)
    if server_name:
        os.environ["TENANTRY_SERVER"] = server_name
