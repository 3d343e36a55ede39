"""`tenantry request`: list and follow the requests of a master."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry.cli import complete, left
from tenantry.cli.common import JsonOption, NoWaitOption, command
from tenantry.cli.create import creation_lines, request_lines
from tenantry.cli.groups import Commands
from tenantry.cli.output import Columns, Output, plain_text, said_when_interrupted
from tenantry.cli.place import LoggedInMaster, logged_in_master
from tenantry.remote.results import Request

app = Commands(help="List and follow the requests of a master; needs a login.")

RequestArgument = Annotated[
    str,
    typer.Argument(help="The request's id, or its first characters.", autocompletion=complete.requests),
]

_COLUMNS: Columns = {
    "REQUEST": lambda request: request.request_id,
    "NAME": lambda request: request.subdomain,
    "COMPANY": lambda request: request.company_name,
    "STATE": lambda request: request.state,
    "ASKED": lambda request: request.created_at or "",
    "NOTE": lambda request: request.error or "",
}


@app.command("list", "tenantry request list --state failed")
@command
def list_(
    state: Annotated[str, typer.Option(help="Only requests in this state, such as failed.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many requests at most.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List the requests, the newest first."""
    output = Output(as_json=as_json)
    rows = logged_in_master(output).master.requests(limit, state or None)
    output.table(rows, _COLUMNS, "No requests yet.", least=("ASKED", "COMPANY"))


@app.command("show", "tenantry request show 80d5 --follow")
@command
def show(
    request_id: RequestArgument,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for its end, and show the result.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the state and progress of a request."""
    output = Output(as_json=as_json)
    place = logged_in_master(output)
    request_id = place.master.whole_request_id(request_id)
    if follow:
        _follow(output, place, request_id)
    else:
        request = place.master.request(request_id)
        output.result(request, *_lines(request))


@app.command("retry", "tenantry request retry 80d5")
@command
def retry(request_id: RequestArgument, no_wait: NoWaitOption = False, as_json: JsonOption = False) -> None:
    """Try a failed request again."""
    output = Output(as_json=as_json)
    place = logged_in_master(output)
    request_id = place.master.whole_request_id(request_id)
    said = f"the master may go on with the request {request_id}"
    with said_when_interrupted(left.of_action_on_request(request_id, said)):
        request = place.master.manage_request(request_id, "retry")
        if not no_wait:
            _follow(output, place, request_id)
            return
    output.result(request, *request_lines(request_id))


@app.command("cancel", "tenantry request cancel 80d5")
@command
def cancel(request_id: RequestArgument, as_json: JsonOption = False) -> None:
    """Cancel a request that is not being processed."""
    output = Output(as_json=as_json)
    master = logged_in_master(output).master
    request_id = master.whole_request_id(request_id)
    said = f"the request {request_id} may be cancelled"
    with said_when_interrupted(left.of_action_on_request(request_id, said)):
        request = master.manage_request(request_id, "cancel")
    output.result(request, f"The request {plain_text(request_id)} is {request.state}.")


def _follow(output: Output, place: LoggedInMaster, request_id: str) -> None:
    with output.progress("Creating", left.of_request(request_id)) as on_step:
        creation = place.master.finish(request_id, on_step)
    output.result(creation, *creation_lines(creation))


def _lines(request: Request) -> list[str]:
    rows = {
        "Request": request.request_id,
        "State": request.state,
        "Progress": f"{request.progress:.0f} %",
        "Name": request.subdomain,
        "URL": request.url,
        "Note": request.error,
    }
    return [f"{heading:<9} {plain_text(str(value))}" for heading, value in rows.items() if value]
