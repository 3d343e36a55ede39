"""`tenantry create`: a customer's running Odoo (C2)."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry.cli.common import JsonOption, NameArgument, command, engine
from tenantry.cli.output import Output
from tenantry.model.instance import Creation


@command
def create(
    client: NameArgument,
    email: Annotated[str, typer.Argument(help="The administrator's email address, his login.")],
    company: Annotated[str, typer.Option(help="The company's name.")] = "",
    template: Annotated[str, typer.Option(help="The template's code.")] = "blank",
    lang: Annotated[str, typer.Option(help="Odoo's language code, such as fr_FR.")] = "",
    country: Annotated[str, typer.Option(help="ISO 3166 code, such as FR.")] = "",
    tz: Annotated[str, typer.Option(help="IANA time zone, such as Europe/Paris.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Create a customer's private, running Odoo."""
    output = Output(as_json=as_json)
    tenantry = engine(output)
    spec = tenantry.spec(
        name=client,
        email=email,
        company=company,
        template=template,
        language=lang,
        country=country,
        timezone=tz,
    )
    with output.progress(f"Creating {client}") as on_step:
        creation = tenantry.provision(spec, on_step)
    output.result(creation, *creation_lines(creation))


def creation_lines(creation: Creation) -> list[str]:
    """What a person is told about a finished creation."""
    how = "from a spare" if creation.spare else "no spare was waiting"
    return [
        f"[bold green]{creation.instance.name} is running[/] after {creation.duration_s:.2f} s ({how})",
        f"  URL       [bold]{creation.instance.url}[/]",
        f"  Email     {creation.login}",
        f"  Password  {creation.password.reveal()}",
        f"  Database  {creation.instance.name}",
    ]
