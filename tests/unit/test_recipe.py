"""Recipes are read strictly."""

from __future__ import annotations

import pytest

from tenantry.control_plane.install import RECIPE as MASTER
from tenantry.engine import Engine
from tenantry.errors import InvalidName, InvalidRecipe
from tenantry.model.recipe import Recipe, as_numbers, next_version


@pytest.mark.parametrize(
    "text",
    [
        "modules = []",
        "modules = ['sale'",
        "modules = ['sale; DROP']",
        "modules = ['sale']\nlanguages = ['french']",
        "modules = ['sale']\ncountry = 'France'",
        "modules = ['sale']\ncolour = 'red'",
        "modules = [1]",
        "modules = 5",
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(text: str):
    with pytest.raises(InvalidRecipe):
        Recipe.from_toml("shop", text)


def test_a_recipe_survives_being_written_into_a_label():
    recipe = Recipe("shop", "Shop", ("sale",), languages=("en_US", "fr_FR"), country="FR", demo=True)
    assert Recipe.from_mapping("shop", recipe.as_mapping()) == recipe


def test_a_code_is_a_slug():
    with pytest.raises(InvalidName):
        Recipe("My Shop", "Shop", ("sale",))


def test_the_shipped_recipes_are_the_four_of_the_specification(tmp_path, monkeypatch):
    monkeypatch.setenv("TENANTRY_HOME", str(tmp_path))
    assert set(Engine().templates.recipes()) == {"blank", "restaurant", "ecommerce", "services"}


@pytest.mark.parametrize("code", ["blank", "restaurant", "ecommerce", "services"])
def test_the_shipped_recipes_have_the_languages_of_the_masters_pages(tmp_path, monkeypatch, code):
    monkeypatch.setenv("TENANTRY_HOME", str(tmp_path))
    assert Engine().templates.recipe(code).languages == MASTER.languages


def test_an_operators_recipe_wins_over_the_shipped_one(tmp_path, monkeypatch):
    monkeypatch.setenv("TENANTRY_HOME", str(tmp_path))
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "blank.toml").write_text('modules = ["web", "crm"]')
    assert Engine().templates.recipe("blank").modules == ("web", "crm")


@pytest.mark.parametrize(
    ("before", "then"),
    [("", "1.0.0"), ("1.0.0", "1.0.1"), ("2.3.9", "2.3.10"), ("1.0.10", "1.0.11"), ("1.0.99", "1.0.100")],
)
def test_an_update_bumps_the_patch_and_is_the_later_version(before: str, then: str):
    assert next_version(before) == then
    assert not before or as_numbers(then) > as_numbers(before)


@pytest.mark.parametrize("demo", ["False\ndb_replica_host = elsewhere", "yes", 1])
def test_demo_is_yes_or_no(demo: object):
    with pytest.raises(InvalidRecipe, match="demo"):
        Recipe("shop", "Shop", ("web",), demo=demo)  # type: ignore[arg-type]
