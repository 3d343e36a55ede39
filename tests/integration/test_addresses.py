"""When the server's address changes, its instances get the new one, and nothing goes stale in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import travelling
from tests.support.fake_runtime import FakeRuntime

from tenantry.model import names
from tenantry.model.catalog import Kind, State
from tenantry.operations.context import Context
from tenantry.operations.fleet.addresses import renew_addresses
from tenantry.operations.instance import lifecycle
from tenantry.operations.inventory import find_instance
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases, roles

_OLD, _NEW = "http://acme.localhost:80", "http://acme.localhost:81"
_REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON ir_config_parameter EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def served(context: Context, fake_template: str, tmp_path: Path) -> Iterator[Context]:
    """Where `acme` is served, after a first start."""
    (context.settings.home / "address.json").unlink(missing_ok=True)  # of a real server in the same folder
    runtime = FakeRuntime(context.cluster, context.settings.base_domain, tmp_path / "socket")
    found = replace(context, runtime=runtime)
    with runtime.listening():
        travelling.make_instance(found, fake_template)
        runtime.follow(["acme"])
        travelling.as_tenant(
            found, f"UPDATE ir_config_parameter SET value = '{_OLD}' WHERE key = 'web.base.url'"
        )
        before, now, failed = renew_addresses(found)
        assert (before, now, failed) == ("http://*.localhost:80", "http://*.localhost:80", [])
        yield found
    (context.settings.home / "address.json").unlink()
    with context.maintenance() as connection:
        for database in databases.listing(connection, *(set(Kind) - {Kind.MASTER})):
            discard(context, connection, database.name)


def base_url(context: Context, database: str = "acme") -> str:
    with context.cluster.connect(database) as inside:
        row = inside.execute("SELECT value FROM ir_config_parameter WHERE key = 'web.base.url'").fetchone()
    assert row
    return str(row[0])


def _move(context: Context) -> None:
    context.runtime.port = 81  # type: ignore[misc]


def test_a_start_at_another_port_writes_it_and_says_both(served: Context):
    _move(served)
    assert renew_addresses(served) == ("http://*.localhost:80", "http://*.localhost:81", [])
    assert base_url(served) == _NEW
    assert renew_addresses(served) == ("http://*.localhost:81", "http://*.localhost:81", [])


def test_a_suspended_instance_gets_it_too(served: Context):
    lifecycle.operate(served, "acme", "suspend")
    _move(served)
    renew_addresses(served)
    assert base_url(served) == _NEW


def test_data_that_is_kept_after_a_restore_gets_it_too(served: Context):
    kept = names.kept_database("acme")
    with served.maintenance() as connection:
        label = find_instance(connection, "acme")
        roles.disable_login(connection, "acme")
        databases.rename(connection, "acme", kept)
        roles.rename(connection, "acme", kept)
        databases.label(connection, kept, label.having(kind=Kind.KEPT, state=State.STOPPED))
    _move(served)
    assert renew_addresses(served)[2] == []
    assert base_url(served, kept) == _NEW


def test_the_address_that_an_administrator_chose_stays(served: Context):
    travelling.as_tenant(served, "UPDATE ir_config_parameter SET value = 'https://shop.example'")
    _move(served)
    renew_addresses(served)
    assert base_url(served) == "https://shop.example"


def test_an_instance_that_refuses_is_named_and_tried_again(served: Context):
    travelling.as_tenant(served, _REFUSE)
    _move(served)
    assert renew_addresses(served)[2] == ["acme"]
    assert renew_addresses(served)[2] == ["acme"]
    travelling.as_tenant(served, "DROP TRIGGER refuse ON ir_config_parameter")
    assert renew_addresses(served)[2] == []
    assert base_url(served) == _NEW
