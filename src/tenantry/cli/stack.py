"""`tenantry up`, `stop`, `doctor`: the servers an installation consists of."""

from __future__ import annotations

import typer

from tenantry.cli.common import JsonOption, command, engine
from tenantry.cli.output import Output
from tenantry.operations.doctor import Finding, examine

_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]"}


@command
def up(as_json: JsonOption = False) -> None:
    """Start PostgreSQL and the tenant server; what runs already, stays."""
    output = Output(as_json=as_json)
    tenantry = engine(output, telling=True)
    tenantry.up()
    address = tenantry.runtime.route("*").url
    output.result({"address": address}, f"Tenants are served at [bold]{address}[/].")


@command
def stop(as_json: JsonOption = False) -> None:
    """Stop what `up` started. Nothing is lost."""
    output = Output(as_json=as_json)
    stopped = engine(output).stop()
    output.result({"stopped": stopped}, f"Stopped {' and '.join(stopped) or 'nothing: nothing ran'}.")


@command
def doctor(as_json: JsonOption = False) -> None:
    """Check all that Tenantry needs, and say the remedy for what is missing."""
    output = Output(as_json=as_json)
    findings = examine(engine(output).settings)
    output.result([finding for finding in findings], *(_line(finding) for finding in findings))
    if not all(finding.ok for finding in findings if finding.needed):
        raise typer.Exit(5)


def _line(finding: Finding) -> str:
    mark = _MARKS[finding.ok] if finding.needed or finding.ok else "[yellow]![/]"
    remedy = f"\n    [bold]Remedy:[/] {finding.remedy}" if not finding.ok and finding.remedy else ""
    return f" {mark} {finding.subject}: {finding.detail}{remedy}"
