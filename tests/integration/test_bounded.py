"""Work in a customer's database ends in time, and is not deceived by views, triggers or functions."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tenantry.errors import Busy, Tampered
from tenantry.model.catalog import Kind, Label, State
from tenantry.operations.context import Context
from tenantry.operations.fleet import pool, usage
from tenantry.operations.template.clone import discard
from tenantry.postgres import bounded, databases
from tenantry.postgres.cluster import Connection, translated

_ODOO = """
    CREATE TABLE res_users (id serial PRIMARY KEY, active bool, share bool);
    CREATE TABLE res_users_log (create_date timestamp);
    CREATE TABLE ir_model_data (module text, name text, res_id int);
    CREATE TABLE res_groups_implied_rel (gid int, hid int);
    CREATE TABLE res_groups_users_rel (gid int, uid int);
    INSERT INTO ir_model_data VALUES ('base', 'group_user', 1);
    INSERT INTO res_groups_users_rel VALUES (1, 1), (1, 2);
    CREATE TABLE ir_config_parameter (key text, value text);
    INSERT INTO res_users (active, share) VALUES (true, false), (true, false), (true, true);
    INSERT INTO res_users_log VALUES ('2026-01-02 03:04:05');
    INSERT INTO ir_config_parameter VALUES ('plan', 'small');
"""
_SLOW = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_sleep(60);
        RETURN NEW;
    END $$
"""
_STUBBORN = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        LOOP
            BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END;
        END LOOP;
    END $$
"""
_TRIGGER = "CREATE TRIGGER slow BEFORE UPDATE ON ir_config_parameter FOR EACH ROW EXECUTE FUNCTION slow()"
_RAISING = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not by you'; END $$
"""


@pytest.fixture
def tenants(context: Context, fake_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """Two of them; their sessions of ours may last for a second."""
    monkeypatch.setattr(bounded, "USUAL_S", 1)
    pool.fill(context, fake_template, 2)
    label = Label(Kind.INSTANCE, State.ACTIVE, fake_template, "")
    with context.maintenance() as connection:
        for name in ("acme", "beta"):
            pool.claim(context, connection, fake_template, name, label)
            plant(context, name, _ODOO)
        yield context
        for database in databases.listing(connection):
            discard(context, connection, database.name)


def plant(context: Context, name: str, *statements: str) -> None:
    """Connect as the customer, who owns all objects."""
    with context.cluster.as_role(name, context.role_password(name)).connect(name) as inside:
        for statement in statements:
            inside.execute(statement.encode())


def raise_plan(inside: Connection) -> None:
    with translated(inside, "raise the plan"):
        inside.execute("UPDATE ir_config_parameter SET value = 'large'")


def change(context: Context) -> None:
    with context.as_tenant("acme") as inside:
        raise_plan(inside)


@pytest.mark.parametrize("trap", [_SLOW, _STUBBORN])
def test_a_trigger_that_never_ends_is_ended(tenants: Context, trap: str):
    plant(tenants, "acme", trap, _TRIGGER)
    began = time.monotonic()
    with pytest.raises(Tampered, match="acme") as refusal:
        change(tenants)
    assert time.monotonic() - began < 30
    assert not refusal.value.retryable


def test_a_trigger_that_raises_is_reported_as_tampering(tenants: Context):
    plant(tenants, "acme", _RAISING, _TRIGGER)
    with pytest.raises(Tampered, match="not by you"):
        change(tenants)


def test_settings_of_the_role_are_overridden(tenants: Context):
    settings = ("statement_timeout = 0", "search_path = evil", "row_security = on", "lock_timeout = 0")
    plant(tenants, "acme", *(f"ALTER ROLE acme SET {setting}" for setting in settings))
    with tenants.as_tenant("acme") as inside:
        shown = [inside.execute(f"SHOW {s.split()[0]}".encode()).fetchone() for s in settings]
    assert shown == [("1s",), ("public,pg_temp",), ("off",), ("5s",)]


@pytest.mark.parametrize(
    "disguise",
    [
        ("ALTER TABLE res_users RENAME TO others", "CREATE VIEW res_users AS SELECT * FROM others LIMIT 1"),
        ("ALTER TABLE res_users ENABLE ROW LEVEL SECURITY", "ALTER TABLE res_users FORCE ROW LEVEL SECURITY"),
        ("CREATE TABLE more_users () INHERITS (res_users)",),
        ("CREATE RULE nothing AS ON UPDATE TO ir_config_parameter DO INSTEAD NOTHING",),
        ("ALTER TABLE res_users DROP COLUMN share",),
        ("ALTER TABLE res_users_log ALTER create_date TYPE text USING 'never'",),
        ("UPDATE res_users_log SET create_date = 'infinity'",),
    ],
)
def test_a_database_with_a_view_in_place_of_a_table_is_skipped_and_the_others_are_measured(
    tenants: Context, disguise: tuple[str, ...]
):
    plant(tenants, "acme", *disguise)
    with pytest.raises(Tampered, match="acme"):
        usage.usage(tenants, "acme")
    assert list(usage.usages(tenants, ["acme", "beta"])) == ["beta"]


def test_a_column_with_a_time_zone_can_be_read(tenants: Context):
    plant(tenants, "acme", "ALTER TABLE res_users_log ALTER create_date TYPE timestamptz")
    assert usage.usage(tenants, "acme").last_activity.startswith("2026-01-02")


def test_an_activity_in_the_future_is_ignored(tenants: Context):
    plant(tenants, "acme", "INSERT INTO res_users_log VALUES ('2999-01-01')")
    assert usage.usage(tenants, "acme").last_activity == ""


def test_sizes_are_those_of_the_disk(tenants: Context):
    used = usage.usage(tenants, "acme")
    with tenants.maintenance() as connection:
        size = databases.sizes_bytes(connection, "acme")["acme"]
    assert (used.users, used.storage_bytes) == (2, size + len("a file of the template"))


def test_a_locked_row_is_waited_for_and_then_reported_as_busy(
    tenants: Context, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(bounded._OPTIONS, "lock_timeout", "200ms")
    owner = tenants.cluster.as_role("acme", tenants.role_password("acme"))
    with owner.connect("acme") as customer, customer.transaction():
        raise_plan(customer)
        with pytest.raises(Busy) as refusal:
            change(tenants)
    assert refusal.value.retryable
