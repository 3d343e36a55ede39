"""`engine.templates`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from tenantry.engine.parts import Noun
from tenantry.errors import RecipeNotFound, TemplateNotFound
from tenantry.model import names
from tenantry.model.catalog import Database, Kind
from tenantry.model.instance import InstanceSpec
from tenantry.model.progress import OnStep, ignore
from tenantry.model.recipe import Recipe
from tenantry.model.template import Template, TemplateState
from tenantry.operations import patience
from tenantry.operations.instance import availability
from tenantry.operations.instance.provision import provisioning
from tenantry.operations.inventory import find_labelled
from tenantry.operations.template import edit
from tenantry.operations.template.build import WAIT_FOR_CLONES_S, build_log, build_template, stale_reason
from tenantry.operations.template.edit import Editing
from tenantry.postgres import databases
from tenantry.process import tail

_LINE_BYTES = 400
"""What a line of a log has at most, as a rule."""


class Templates(Noun):
    """`engine.templates`: the templates that instances are cloned from, and their recipes.

    code: a template's code, such as blank; an invalid one raises InvalidName.
    """

    def recipes(self) -> dict[str, Recipe]:
        """All recipes by code. The operator's recipes replace shipped ones. Raises InvalidRecipe."""
        found = {}
        for folder in (resources.files("tenantry") / "recipes", self._parts.settings.installation.recipe_dir):
            files = folder.iterdir() if folder.is_dir() else ()
            for file in sorted(files, key=lambda entry: entry.name):
                code, dot, suffix = file.name.rpartition(".")
                if dot and suffix == "toml":
                    found[code] = Recipe.from_toml(code, file.read_text(encoding="utf-8"))
        return dict(sorted(found.items()))

    def recipe(self, code: str) -> Recipe:
        """Raises RecipeNotFound, InvalidRecipe."""
        recipes = self.recipes()
        if names.template_code(code) not in recipes:
            raise RecipeNotFound(code, list(recipes))
        return recipes[code]

    def all(self) -> list[Template]:
        """All templates, with the reason if one is stale."""
        with self._context.maintenance() as connection:
            found = databases.listing(connection, Kind.TEMPLATE)
        return [self._described(database) for database in found]

    def get(self, recipe: Recipe) -> Template:
        """The template of a recipe; it is stale if the recipe has changed. Raises TemplateNotFound."""
        with self._context.maintenance() as connection:
            name = names.template_database(names.template_code(recipe.code))
            found = find_labelled(connection, name, Kind.TEMPLATE)
        if not found:
            raise TemplateNotFound(recipe.code)
        return self._described(found, recipe)

    def build(
        self,
        recipe: Recipe,
        on_step: OnStep = ignore,
        *,
        rebuild: bool = False,
        patience_s: float = WAIT_FOR_CLONES_S,
    ) -> Template:
        """Build the recipe's template, unless the existing one is current.

        patience_s: as in `finish_editing`. Raises as `operations.template.build.build_template`.
        """
        patience_s = min(patience_s, patience.LONG_S)
        built = build_template(self._context, recipe, on_step, rebuild=rebuild, patience_s=patience_s)
        return self._described(built, recipe)

    def build_log(self, code: str) -> Path:
        """Odoo's log of a build."""
        return build_log(self._parts.settings, names.template_code(code))

    def missing(self, code: str) -> TemplateNotFound:
        """The error about a template that there is not, with the codes that there are."""
        with self._context.maintenance() as connection:
            found = databases.listing(connection, Kind.TEMPLATE)
        known = sorted({it.label.template for it in found if it.label and "__" not in it.name})
        return TemplateNotFound(code, known, sorted(set(self.recipes()) - set(known)))

    def is_being_built(self, code: str) -> bool:
        """Whether there is an unfinished build, of a running process or of one that was killed."""
        with self._context.maintenance() as connection:
            return databases.find(connection, names.building_database(code)) is not None

    def logs(self, code: str, count: int = 40) -> list[str]:
        """The last lines that Odoo logged at the last build; none if there was no build."""
        return tail(self.build_log(code), _LINE_BYTES * count).splitlines()[-count:]

    def clone(self, code: str, name: str) -> None:
        """T3: make the database `name` from a template, in state provisioning, so it is not served.

        Raises InvalidName, and the errors of `operations.instance.provision`.
        """
        reserved = self._parts.settings.installation.reserved_names
        spec = InstanceSpec.checked(reserved, name=name, email="clone@localhost.local", template=code)
        with provisioning(self._context, spec) as session:
            session.clone()

    def edit(self, code: str) -> Editing:
        """Open a template for changes in Odoo's own pages; opening it again sets a new password.

        Raises TemplateNotFound, TemplateNotReady, ForeignDatabase, Busy, ProbeFailed.
        """
        return edit.edit_template(self._context, names.template_code(code))

    def finish_editing(
        self, code: str, on_step: OnStep = ignore, *, patience_s: float = WAIT_FOR_CLONES_S
    ) -> Template:
        """Replace the template by its edited clone.

        patience_s: how long it waits for clones that are being made; `patience.LONG_S` at most.
        Raises TemplateNotFound, ForeignDatabase, Busy, NotYet.
        """
        code, patience_s = names.template_code(code), min(patience_s, patience.LONG_S)
        return self._described(edit.finish_editing(self._context, code, on_step, patience_s=patience_s))

    def drop(self, code: str) -> None:
        """Drop a template and its spares; its instances stay.

        Raises TemplateNotFound, ForeignDatabase, Busy.
        """
        edit.drop_template(self._context, names.template_code(code))

    def _described(self, database: Database, recipe: Recipe | None = None) -> Template:
        assert database.label
        label = database.label
        recipe = recipe or self.recipes().get(label.template)
        context = self._context
        stale = stale_reason(context, database, recipe, context.odoo())
        with context.maintenance() as connection:
            editing = find_labelled(connection, names.editing_database(label.template), Kind.EDIT)
            sizes = databases.sizes_bytes(connection, database.name)
        return Template(
            code=label.template,
            database=database.name,
            version=label.version,
            series=label.series,
            state=TemplateState.of(label.state, stale=bool(stale), editing=editing is not None),
            stale=stale,
            size_bytes=sizes.get(database.name, 0),
            modules=tuple(label.recipe.get("modules", ())),
            languages=availability.languages_of(database),
            chart_country=label.chart_country,
        )
