"""`tenantry create`: create a customer's running Odoo (C2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from tenantry.cli import complete
from tenantry.cli.common import JsonOption, LocalOption, NameArgument, NoWaitOption, command
from tenantry.cli.output import Output, plain_text, said_when_interrupted
from tenantry.cli.place import CreationOptions, choose_place
from tenantry.model.instance import Creation
from tenantry.remote.results import RemoteCreation


@command
def create(
    client: NameArgument,
    email: Annotated[str, typer.Argument(help="The administrator's email address, and login.")],
    company: Annotated[str, typer.Option(help="The company's name.")] = "",
    name: Annotated[
        str, typer.Option(help="The administrator's name. Default: derived from the email address.")
    ] = "",
    template: Annotated[
        str,
        typer.Option(
            help="The template's code. Default: blank here; on a master the plan's first.",
            autocompletion=complete.templates,
        ),
    ] = "",
    plan: Annotated[str, typer.Option(help="On a master: the plan's code. Default: the first.")] = "",
    lang: Annotated[str, typer.Option(help="Odoo's language code, such as fr_FR.")] = "",
    country: Annotated[str, typer.Option(help="ISO 3166 code, such as FR.")] = "",
    tz: Annotated[
        str, typer.Option(help="IANA time zone, such as Europe/Paris. Default: the country's.")
    ] = "",
    runtime: Annotated[
        str, typer.Option(help="On the server with this runtime, such as railway. Default: --server's.")
    ] = "",
    no_wait: NoWaitOption = False,
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Create a customer's private, running Odoo: on the master you are logged in to, else here."""
    output = Output(as_json=as_json)
    place = choose_place(output, local=local, runtime=runtime)
    options = CreationOptions(client, email, company, name, template, plan, lang, country, tz, runtime)
    if no_wait:
        with said_when_interrupted(place.left_of("create", client)):
            asked = place.begin_creation(options)
        output.result(asked, *request_lines(asked.request_id), *notes(asked.warnings))
        return
    with output.progress(f"Creating {client}", place.left_of("create", client)) as on_step:
        creation = place.create(options, on_step)
    output.result(creation, *creation_lines(creation))


def creation_lines(creation: Creation | RemoteCreation) -> list[str]:
    """The lines about a finished creation."""
    password = creation.password.reveal() if creation.password else "in the mail; it was shown before"
    return [
        f"[bold green]{plain_text(creation.instance.name)} is running[/]{_duration(creation)}",
        f"  URL       [bold]{plain_text(creation.instance.url)}[/]",
        f"  Email     {plain_text(creation.login)}",
        f"  Password  {plain_text(password)}",
        f"  Database  {plain_text(creation.instance.name)}",
        *notes(creation.advice),
    ]


def notes(advice: Iterable[str]) -> list[str]:
    """The lines with advice about a creation."""
    return [f"  [yellow]Note[/]      {plain_text(sentence)}" for sentence in advice]


def request_lines(request_id: str) -> list[str]:
    """The lines about a request that is not waited for."""
    return [
        f"The request {plain_text(request_id)} is under way.",
        f"Follow it with: tenantry request show {plain_text(request_id)} --follow",
    ]


_SPARES = {True: " (from a spare)", False: " (no spare was waiting)", None: ""}


def _duration(creation: Creation | RemoteCreation) -> str:
    if isinstance(creation, Creation):
        return f" after {creation.duration_s:.2f} s{_SPARES[creation.spare]}"
    return f" after {creation.duration_s:.2f} s" if creation.duration_s is not None else ""
