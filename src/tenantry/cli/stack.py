"""`tenantry up`, `stop`, `doctor`: start, stop and check the servers of an installation."""

from __future__ import annotations

import os
from collections.abc import Callable

import typer

from tenantry import interrupts
from tenantry.cli import left
from tenantry.cli.common import JsonOption, command, engine
from tenantry.cli.master import login_lines
from tenantry.cli.output import Output, said_when_interrupted
from tenantry.control_plane.doctor import Finding, examine
from tenantry.engine import Engine
from tenantry.errors import InstallationNotFound, TenantryError
from tenantry.home import remember, usable_home
from tenantry.model.secret import Secret
from tenantry.settings import ServerSettings

_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]"}


@command
def up(as_json: JsonOption = False) -> None:
    """Start PostgreSQL, the tenant server and the back office, unless they run already."""
    output = Output(as_json=as_json)
    tenantry = engine(output, telling=True, makes=True)
    with said_when_interrupted(left.of_start(tenantry)):
        log = tenantry.master.runtime.install_log
        with output.progress("Starting", left.of_start(tenantry), goes_on=True, odoo_log=log) as on_step:
            password = tenantry.up(on_step)
        if password is not None:
            interrupts.finish()  # the password is shown once
        failures = _start_others(tenantry, output)
    remember(os.environ, tenantry.settings.installation.home)
    address = tenantry.address
    data = {"address": address}
    if tenantry.is_own:
        data["master"] = tenantry.master.url
    output.result(
        {**data, "login": tenantry.master.admin_login(), "password": password} if password else data,
        f"Tenants are served at [bold]{address}[/].",
        *(master_lines(tenantry, password) if tenantry.is_own else ()),
    )
    for failure in failures[:1]:
        raise failure


def _start_others(tenantry: Engine, output: Output) -> list[TenantryError]:
    """Start the other servers, unless one was chosen; return the errors."""
    return _act_on_others(tenantry, output, lambda other: other.up())


def _act_on_others(tenantry: Engine, output: Output, act: Callable[[Engine], object]) -> list[TenantryError]:
    """Act on each of the other servers. Errors are printed and returned, and do not stop the others."""
    failures = []
    for name in tenantry.settings.others():
        try:
            act(tenantry.at(name))
        except TenantryError as error:
            output.say(f"Server {name}: {error}")
            failures.append(error)
    return failures


def master_lines(tenantry: Engine, password: Secret | None) -> tuple[str, ...]:
    """The lines with the back office's addresses, and with the first login if there is a password."""
    url = tenantry.master.url
    office = f"The back office is at [bold]{url}[/], "
    where = f"{office}the signup page at [bold]{url}/signup[/], open once a mail server is set."
    return (where, *login_lines(tenantry.master.admin_login(), password)) if password else (where,)


@command
def stop(as_json: JsonOption = False) -> None:
    """Stop the servers that `up` started. No data is lost."""
    output = Output(as_json=as_json)
    tenantry = engine(output)
    stopped: list[str] = []

    def stop_other(other: Engine) -> None:
        stopped.extend(f"{what} of {other.settings.name}" for what in other.stop())

    with said_when_interrupted(left.of_start(tenantry, "tenantry up")):
        failures = _act_on_others(tenantry, output, stop_other)
        stopped[:0] = tenantry.stop()
    output.result({"stopped": stopped}, f"Stopped {' and '.join(stopped) or 'nothing: nothing ran'}.")
    for failure in failures[:1]:
        raise failure


@command
def doctor(as_json: JsonOption = False) -> None:
    """Check everything that Tenantry needs, and print the remedy for what is missing."""
    output = Output(as_json=as_json)
    findings = [_installation(), *examine(ServerSettings.from_environment())]
    output.result([finding for finding in findings], *(_line(finding) for finding in findings))
    if not all(finding.ok for finding in findings if finding.needed):
        raise typer.Exit(5)


def _installation() -> Finding:
    home = usable_home(os.environ)
    if home.is_there:
        return Finding("Installation", True, f"{home.folder}{f': {home.found}' if home.found else ''}")
    error = InstallationNotFound(home.looked_at, home.folder)
    return Finding("Installation", False, str(error), error.remedy, needed=False)


def _line(finding: Finding) -> str:
    mark = _MARKS[finding.ok] if finding.needed or finding.ok else "[yellow]![/]"
    remedy = f"\n    [bold]Remedy:[/] {finding.remedy}" if not finding.ok and finding.remedy else ""
    return f" {mark} {finding.subject}: {finding.detail}{remedy}"
