"""An instance has the accounting of its customer's country or none yet, never another country's taxes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.inventory import orphans
from tests.support.odoo_client import OdooClient
from tests.support.tenants import ask

from tenantry.engine import Engine
from tenantry.model.recipe import Recipe

_FISCAL = """
    SELECT country.code FROM res_company AS company
      JOIN res_country AS country ON country.id = company.account_fiscal_country_id
"""
_CURRENCY = """
    SELECT currency.name FROM res_company AS company
      JOIN res_currency AS currency ON currency.id = company.currency_id WHERE currency.active
"""
_TAXES = """
    SELECT DISTINCT country.code FROM account_tax AS tax
      JOIN res_country AS country ON country.id = tax.country_id WHERE tax.active
"""
_TAKEN = """
    SELECT (SELECT count(*) FROM res_company WHERE account_sale_tax_id IS NOT NULL)
         + (SELECT count(*) FROM product_taxes_rel)
"""


@pytest.fixture(scope="module")
def books(engine: Engine) -> Iterator[str]:
    """A template with accounting and without a country, as shipped."""
    engine.templates.build(Recipe("books", "Books", ("account",)))
    yield "books"
    engine.templates.drop("books")
    assert orphans(engine.context) == []


@pytest.fixture(scope="module")
def french_books(engine: Engine) -> Iterator[str]:
    recipe = Recipe("french-books", "Books", ("account",), languages=("fr_FR",), country="FR")
    engine.templates.build(recipe)
    yield "french-books"
    engine.templates.drop("french-books")


@pytest.mark.parametrize(("country", "currency"), [("FR", "EUR"), ("VN", "VND"), ("", "USD")])
def test_a_customer_elsewhere_or_of_an_unknown_country_has_no_american_taxes(
    engine: Engine, books: str, country: str, currency: str
):
    creation = engine.instances.provision(
        engine.instances.spec(name="acme", email="a@acme.example", template=books, country=country)
    )
    try:
        assert ask(engine, "acme", _FISCAL) == ([(country,)] if country else [])
        assert ask(engine, "acme", _CURRENCY) == [(currency,)]
        assert ask(engine, "acme", _TAXES) == []
        assert ask(engine, "acme", _TAKEN) == [(0,)]
        invoice = {"move_type": "out_invoice", "invoice_line_ids": [[0, 0, {"name": "x", "price_unit": 100}]]}
        admin = OdooClient(engine, creation)
        (move,) = admin.call("account.move", "create", [invoice])
        assert admin.call("account.move", "read", [move], ["amount_tax"])[0]["amount_tax"] == 0
    finally:
        engine.instances.terminate("acme")


def test_an_american_customer_keeps_the_taxes(engine: Engine, books: str):
    engine.instances.provision(
        engine.instances.spec(name="acme", email="a@acme.example", template=books, country="US")
    )
    try:
        assert ask(engine, "acme", _FISCAL) == [("US",)]
        assert ask(engine, "acme", _TAXES) == [("US",)]
    finally:
        engine.instances.terminate("acme")


def test_a_customer_of_an_unknown_country_gets_the_chart_of_the_templates_country(
    engine: Engine, french_books: str
):
    creation = engine.instances.provision(
        engine.instances.spec(name="acme", email="a@acme.example", template=french_books)
    )
    try:
        assert creation.advice == ()
        assert ask(engine, "acme", _FISCAL) == [("FR",)]
        assert ask(engine, "acme", _TAXES) == [("FR",)]
    finally:
        engine.instances.terminate("acme")


def test_ordering_a_template_of_another_country_is_refused_with_the_right_templates(
    engine: Engine, books: str, french_books: str
):
    told = {}
    for country in ("FR", "VN", "US"):
        spec = engine.instances.spec(name="acme", email="a@acme.example", template=books, country=country)
        told[country] = engine.instances.provision(spec).advice
        engine.instances.terminate("acme")
    assert told == {
        "FR": (
            "The template books has the chart of accounts of US, not of FR: its taxes will be switched off. "
            "Templates with the chart of FR: french-books.",
        ),
        "VN": (
            "The template books has the chart of accounts of US, not of VN: its taxes will be switched off. "
            "Choose the chart of VN in the settings of the new Odoo, before the first invoice.",
        ),
        "US": (),
    }


def test_a_template_reports_its_languages_and_its_accounting_country(
    engine: Engine, books: str, french_books: str
):
    found = {template.code: template for template in engine.templates.all()}
    assert (found[books].languages, found[books].chart_country) == (("en_US",), "US")
    assert (found[french_books].languages, found[french_books].chart_country) == (("en_US", "fr_FR"), "FR")
