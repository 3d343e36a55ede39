"""`tenantry reconcile`: what this server has that nobody owns, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from tenantry.cli.common import JsonOption, command, engine
from tenantry.cli.output import Columns, Output, said_when_interrupted, utc_minute
from tenantry.engine import Engine
from tenantry.model.difference import APPLIED, KEPT_DAYS, Difference, Proposal, Reconciliation
from tenantry.model.names import LOCAL_SERVER

_COLUMNS: Columns = {
    "WHAT": lambda it: it.what,
    "NAME": lambda it: it.name,
    "SINCE": lambda it: utc_minute(it.since),
    "WHY": lambda it: it.reason,
    "PROPOSED": lambda it: it.proposal,
    "OUTCOME": lambda it: it.outcome,
}


@command
def reconcile(
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Do what is proposed, except removing what is in quarantine."),
    ] = False,
    remove: Annotated[
        bool,
        typer.Option("--remove", help=f"Remove what has been in quarantine for {KEPT_DAYS} days, for good."),
    ] = False,
    give_back: Annotated[
        str,
        typer.Option(metavar="NAME", help="Make this instance in quarantine a stopped instance again."),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """List what belongs to nobody: databases, roles, folders and addresses; nothing is changed unasked."""
    output = Output(as_json=as_json)
    tenantry = engine(output)
    with said_when_interrupted(lambda: ("what was done is complete", "Run the same command again.")):
        if give_back:
            instance = tenantry.give_back(give_back)
            output.result(instance, f"{instance.name} is {instance.state}.")
            return
        found = tenantry.reconcile(apply=apply, remove=remove)
    if as_json:
        output.result(found)
        return
    output.table(found.differences, _COLUMNS, "Everything has an owner.", least=("SINCE",))
    for line in _hints(tenantry, found):
        output.say(line)


def _hints(tenantry: Engine, found: Reconciliation) -> list[str]:
    """What was kept apart, and how to go on."""
    server = tenantry.settings.name
    again = "tenantry" if server == LOCAL_SERVER else f"tenantry --server {server}"
    lines = [f"In quarantine until {it.until}: {it.what} {it.name}." for it in found.quarantined]
    if _are_left(found.differences, APPLIED):
        lines.append(f"`{again} reconcile --apply` does what is proposed.")
    if _are_left(found.differences, {Proposal.REMOVE}):
        lines.append(f"`{again} reconcile --remove` removes it for good.")
    return lines


def _are_left(differences: Sequence[Difference], proposals: set[Proposal] | frozenset[Proposal]) -> bool:
    return any(not it.outcome and it.proposal in proposals for it in differences)
