"""Accounting is the customer's country's, or waits for its chart: never another country's taxes."""

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
    """A template with accounting and no country, as it is shipped."""
    engine.build_template(Recipe("books", "Books", ("account",)))
    yield "books"
    engine.drop_template("books")
    assert orphans(engine.context) == []


@pytest.mark.parametrize("country", ["FR", "VN"])
def test_a_customer_elsewhere_has_no_american_taxes(engine: Engine, books: str, country: str):
    creation = engine.provision(
        engine.spec(name="acme", email="a@acme.example", template=books, country=country)
    )
    try:
        assert ask(engine, "acme", _FISCAL) == [(country,)]
        assert ask(engine, "acme", _TAXES) == []
        assert ask(engine, "acme", _TAKEN) == [(0,)]
        invoice = {"move_type": "out_invoice", "invoice_line_ids": [[0, 0, {"name": "x", "price_unit": 100}]]}
        admin = OdooClient(engine, creation)
        (move,) = admin.call("account.move", "create", [invoice])
        assert admin.call("account.move", "read", [move], ["amount_tax"])[0]["amount_tax"] == 0
    finally:
        engine.terminate("acme")


def test_an_american_customer_keeps_the_taxes(engine: Engine, books: str):
    engine.provision(engine.spec(name="acme", email="a@acme.example", template=books, country="US"))
    try:
        assert ask(engine, "acme", _FISCAL) == [("US",)]
        assert ask(engine, "acme", _TAXES) == [("US",)]
    finally:
        engine.terminate("acme")
