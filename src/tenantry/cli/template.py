"""`tenantry template`: build and edit the templates that instances are cloned from."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry.cli import left
from tenantry.cli.common import CodeArgument, JsonOption, command, engine
from tenantry.cli.groups import Commands
from tenantry.cli.output import Columns, Output, megabytes, said_when_interrupted
from tenantry.engine import Engine
from tenantry.errors import RecipeNotFound
from tenantry.model.recipe import Recipe

app = Commands(help="Build and edit the templates that instances are cloned from.")

_COLUMNS: Columns = {
    "CODE": lambda template: template.code,
    "STATE": lambda template: template.state,
    "VERSION": lambda template: template.version,
    "ODOO": lambda template: template.series,
    "SIZE": lambda template: megabytes(template.size_bytes),
    "CHART": lambda template: template.chart_country,
    "MODULES": lambda template: " ".join(template.modules),
    "NOTE": lambda template: template.stale,
}


@app.command("list")
@command
def list_(as_json: JsonOption = False) -> None:
    """List the templates, and the recipes that were not built yet."""
    output = Output(as_json=as_json)
    tenantry = engine(output)
    templates = tenantry.templates.all()
    output.table(templates, _COLUMNS, "No templates yet.", least=("CHART", "MODULES", "SIZE"))
    unbuilt = sorted(set(tenantry.templates.recipes()) - {template.code for template in templates})
    if unbuilt:
        output.say(f"Recipes not built yet: {', '.join(unbuilt)}")


@app.command(
    "build",
    "tenantry template build restaurant",
    "tenantry template build agency --module crm --module project --lang fr_FR --country FR",
)
@command
def build(
    code: CodeArgument,
    module: Annotated[list[str] | None, typer.Option(help="A module to install; repeatable.")] = None,
    lang: Annotated[list[str] | None, typer.Option(help="A language to load; repeatable.")] = None,
    country: Annotated[str | None, typer.Option(help="ISO 3166 code of the company's country.")] = None,
    demo: Annotated[bool | None, typer.Option(help="Load Odoo's demonstration data.")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build even if nothing changed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build a template from its recipe; the options change the recipe for this build."""
    output = Output(as_json=as_json)
    tenantry = engine(output, telling=True)
    options = {"modules": module, "languages": lang, "country": country, "demo": demo}
    recipe = _recipe(
        tenantry, code, {key: value for key, value in options.items() if value not in (None, [])}
    )
    log = tenantry.templates.build_log(code)
    with output.progress(f"Building {code}", left.of_build(tenantry, code), odoo_log=log) as on_step:
        template = tenantry.templates.build(recipe, on_step, rebuild=rebuild)
    output.result(template, f"The template {code} {template.version} is {template.state}.")


@app.command("edit", "tenantry template edit restaurant")
@command
def edit(code: CodeArgument, as_json: JsonOption = False) -> None:
    """Open a template for changes in Odoo's own pages; until `ready`, new instances use the old version."""
    output = Output(as_json=as_json)
    with said_when_interrupted(left.of_edit(code)):
        editing = engine(output).templates.edit(code)
    output.result(
        editing,
        f"  URL       [bold]{editing.url}[/]",
        f"  Login     {editing.login}",
        f"  Password  {editing.password.reveal()}",
        f"When it is as you want it: tenantry template ready {code}",
    )


@app.command("ready", "tenantry template ready restaurant")
@command
def ready(code: CodeArgument, as_json: JsonOption = False) -> None:
    """Finish editing: new instances are cloned from the edited template."""
    output = Output(as_json=as_json)
    tenantry = engine(output)
    with output.progress(f"Finishing {code}", left.of_edit(code)) as on_step:
        template = tenantry.templates.finish_editing(code, on_step)
    output.result(template, f"The template {code} {template.version} is {template.state}.")


@app.command("drop", "tenantry template drop agency")
@command
def drop(code: CodeArgument, as_json: JsonOption = False) -> None:
    """Drop a template and its spares; instances made from it stay."""
    output = Output(as_json=as_json)
    with said_when_interrupted(lambda: (f"the template {code} may be half gone", "Run the command again.")):
        engine(output).templates.drop(code)
    output.result({"dropped": code}, f"The template {code} is gone.")


def _recipe(tenantry: Engine, code: str, options: dict[str, object]) -> Recipe:
    """The recipe of that code, changed by the options; a new recipe if the options have modules."""
    try:
        base = tenantry.templates.recipe(code).as_mapping()
    except RecipeNotFound:
        if "modules" not in options:
            raise
        base = {}
    return Recipe.from_mapping(code, {**base, **options})
