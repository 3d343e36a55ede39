"""A template's build that must wait for those who clone the previous version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.fake_odoo import fake_odoo
from tests.support.fake_template import make_template

from tenantry.errors import NotYet
from tenantry.model import names
from tenantry.model.catalog import Database, State
from tenantry.model.recipe import Recipe
from tenantry.operations.context import Context
from tenantry.operations.template.build import Building, build_template
from tenantry.operations.template.clone import discard, ready_template
from tenantry.operations.template.edit import finish_editing
from tenantry.postgres import databases, locks

CODE = "fake"
RECIPE = Recipe(CODE, CODE, ("base",))
Build = Callable[[Context, float], Database]
WAYS: dict[str, Build] = {
    "build": lambda context, patience_s: build_template(context, RECIPE, rebuild=True, patience_s=patience_s),
    "ready": lambda context, patience_s: finish_editing(context, CODE, patience_s=patience_s),
}


@pytest.fixture
def built(context: Context, tmp_path: Path) -> Iterator[Context]:
    """A template that serves, and its next version, finished but not swapped in."""
    context = replace(context, odoo=lambda: fake_odoo(tmp_path))
    with context.maintenance() as connection:
        make_template(context, CODE, "1.0.1")
        databases.rename(connection, names.template_database(CODE), names.building_database(CODE))
        label = Building(context, connection, RECIPE, "1.0.1").label
        databases.label(connection, names.building_database(CODE), label.having(state=State.READY))
        make_template(context, CODE, "1.0.0")
        serving = ready_template(connection, CODE)
        assert serving.label
        databases.label(connection, serving.name, serving.label.having(recipe=label.recipe))
    yield context
    with context.maintenance() as connection:
        for database in databases.listing(connection):
            discard(context, connection, database.name)
    for name in context.filestores.names():
        context.filestores.remove(name)


@pytest.mark.parametrize("way", WAYS)
def test_a_build_that_waits_for_clones_gives_the_thread_back_and_goes_on(built: Context, way: str):
    with built.maintenance() as cloning, built.maintenance() as connection:
        finished = databases.oid(connection, names.building_database(CODE))
        with locks.shared(cloning, f"template {CODE}"), pytest.raises(NotYet):
            WAYS[way](built, 0.1)
        serving = ready_template(connection, CODE)
        assert serving.label
        assert serving.label.version == "1.0.0"
        assert databases.oid(connection, names.building_database(CODE)) == finished
        swapped = WAYS[way](built, 0.1)
        assert swapped.label
        assert swapped.label.version == "1.0.1"
        assert databases.oid(connection, names.template_database(CODE)) == finished
