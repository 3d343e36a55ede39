"""A renaming of an instance whose tenant refuses to have its address written; nothing is really served."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import travelling
from tests.support.fake_runtime import FakeRuntime

from tenantry.model.catalog import Kind, State
from tenantry.operations.context import Context
from tenantry.operations.instance.modules import install_log
from tenantry.operations.instance.rename import rename
from tenantry.operations.inventory import find_instance
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases

REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON ir_config_parameter EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def served(context: Context, fake_template: str, tmp_path: Path) -> Iterator[Context]:
    """Where `acme` is served."""
    runtime = FakeRuntime(context.cluster, context.settings.base_domain, tmp_path / "socket")
    found = replace(context, runtime=runtime)
    with runtime.listening():
        travelling.make_instance(found, fake_template)
        runtime.follow(["acme"])
        yield found
    with context.maintenance() as connection:
        for database in databases.listing(connection, *(set(Kind) - {Kind.MASTER})):
            discard(context, connection, database.name)


def state_of(context: Context, name: str) -> State:
    with context.maintenance() as connection:
        return find_instance(connection, name).state


def base_url(context: Context, name: str) -> str:
    with context.cluster.connect(name) as inside:
        query = "SELECT value FROM ir_config_parameter WHERE key = 'web.base.url'"
        return inside.execute(query).fetchone()[0].partition("//")[2].partition(":")[0]


def test_it_knows_its_new_address(served: Context):
    rename(served, "acme", "beta")
    assert (state_of(served, "beta"), base_url(served, "beta")) == (State.ACTIVE, "beta.localhost")


def test_its_old_name_leaves_no_log_of_its_modules_for_another_instance(served: Context):
    log = install_log(served.settings, "acme")
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("what Odoo said of the customer's modules")
    rename(served, "acme", "beta")
    assert not log.exists()


def test_one_that_refuses_its_address_is_renamed_all_the_same(served: Context):
    travelling.as_tenant(served, REFUSE)
    rename(served, "acme", "beta")
    assert (state_of(served, "beta"), base_url(served, "beta")) == (State.ACTIVE, "acme.localhost")
