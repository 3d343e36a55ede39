"""`tenantry`: the command and its subcommands."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from tenantry import __version__
from tenantry.cli import (
    archive,
    backup,
    bench,
    complete,
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
    unit,
)
from tenantry.cli.common import set_verbosity
from tenantry.cli.groups import Commands

app = Commands(name="tenantry", help="Turn a server into an Odoo SaaS.")
app.add_typer(template.app, name="template")
app.add_typer(pool.app, name="pool")
app.add_typer(instance.app, name="instance")
app.add_typer(archive.app, name="archive")
app.add_typer(backup.app, name="backup")
app.add_typer(request.app, name="request")
app.add_typer(master.app, name="master")
app.add_typer(server.app, name="server")
app.add_typer(mail.app, name="mail")
app.add_typer(tenants.serve, name="serve")
app.command()(stack.up)
app.command()(stack.stop)
app.command()(stack.doctor)
app.command("unit", "tenantry unit", "tenantry unit --tenants --user tenantry")(unit.unit)
app.command("ps", "tenantry ps --all")(tenants.ps)
app.command("logs", "tenantry logs acme -n 200")(tenants.logs)
app.command()(tenants.agent)
app.command("login", "tenantry login https://office.example.com")(login.login)
app.command()(login.logout)
app.command()(login.whoami)
app.command(
    "create",
    "tenantry create acme boss@acme.example",
    "tenantry create acme boss@acme.example --template restaurant --country FR --tz Europe/Paris",
    "tenantry create acme boss@acme.example --plan starter --no-wait",
    "tenantry create acme boss@acme.example --runtime railway",
)(create.create)
app.command()(demo.demo)
app.command("bench", "tenantry bench --quick")(bench.bench)


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
        typer.Option(
            "--server",
            envvar="TENANTRY_SERVER",
            help="One of the servers in settings.toml.",
            autocompletion=complete.servers,
        ),
    ] = "",
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    set_verbosity(verbose)
    if server_name:
        os.environ["TENANTRY_SERVER"] = server_name
