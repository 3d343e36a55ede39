"""No operation changes a database or role that has one of our names, but not our label or mark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.support.fake_template import make_template
from tests.support.foreign import foreign_database, foreign_role

from tenantry.errors import Conflict, ForeignDatabase, ForeignRole
from tenantry.model import names
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.names import MASTER_BUILDING, MASTER_DATABASE
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret
from tenantry.operations.context import Context, relabel
from tenantry.operations.fleet import pool
from tenantry.operations.template import clone
from tenantry.operations.template import edit as edit_template
from tenantry.operations.template.build import Building, build_template, drop_retired, swap
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import Connection

CODE = "fake"
CLONE, SPARE = names.cloning_database("acme"), f"{names.spare_prefix(CODE)}12345678"
ZYGOTE = names.zygote_database(CODE, "1.0.0")
OURS = [
    *names.databases_of_template(CODE),
    ZYGOTE,
    CLONE,
    names.cloning_database(names.editing_database(CODE)),
    SPARE,
    MASTER_DATABASE,
    MASTER_BUILDING,
    "acme",
]
ROLES = [
    names.TEMPLATE_OWNER,
    names.MAKER_ROLE,
    names.SPAWNER_ROLE,
    MASTER_DATABASE,
    CLONE,
    ZYGOTE,
    SPARE,
    "acme",
]
THEIRS = ["", "of the accountants", '{"tenantry": 1}', '{"tenantry": 1, "kind": "planet", "state": "ready"}']
LABEL = Label(Kind.SPARE, State.BUILDING, CODE, "1.0.0")

DEEDS: dict[str, Callable[[Connection, str], object]] = {
    "drop": databases.drop,
    "freeze": databases.freeze,
    "label": lambda connection, name: databases.label(connection, name, LABEL),
    "rename": lambda connection, name: databases.rename(connection, name, "somewhere"),
    "end sessions": databases.end_sessions,
}
ROLE_DEEDS: dict[str, Callable[[Connection, str], object]] = {
    "create": roles.create,
    "let log in": lambda connection, name: roles.enable_login(connection, name, Secret("-")),
    "lock out": roles.disable_login,
    "limit": roles.limit,
    "rename": lambda connection, name: roles.rename(connection, name, "somebody"),
    "note": lambda connection, name: roles.set_note(connection, name, "wal_log"),
    "set a password": lambda connection, name: roles.set_password(connection, name, Secret("-")),
}


@pytest.fixture(autouse=True)
def nothing_of_ours(context: Context):
    with context.maintenance() as connection:
        for database in databases.listing(connection):
            clone.discard(context, connection, database.name)


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("name", OURS)
def test_a_database_without_our_label_is_never_changed(context: Context, deed: str, name: str):
    with context.maintenance() as connection, foreign_database(connection, name):
        with pytest.raises(ForeignDatabase, match=name) as refusal:
            DEEDS[deed](connection, name)
        assert "RENAME TO" in refusal.value.remedy


@pytest.mark.parametrize("comment", THEIRS)
def test_a_comment_that_is_not_a_label_is_ignored(context: Context, comment: str):
    with context.maintenance() as connection, foreign_database(connection, "acme", comment):
        with pytest.raises(ForeignDatabase):
            databases.drop(connection, "acme")
        assert "acme" not in {database.name for database in databases.listing(connection)}


@pytest.mark.parametrize("deed", ROLE_DEEDS)
@pytest.mark.parametrize("name", ROLES)
def test_a_role_without_our_mark_is_never_changed(context: Context, deed: str, name: str):
    with (
        context.maintenance() as connection,
        foreign_role(connection, name),
        pytest.raises(ForeignRole, match=name),
    ):
        ROLE_DEEDS[deed](connection, name)


@pytest.mark.parametrize("name", ROLES)
def test_a_role_without_our_mark_is_never_dropped(context: Context, name: str):
    with context.maintenance() as connection, foreign_role(connection, name):
        roles.drop(connection, name)
        assert roles.exists(connection, name)


@pytest.mark.parametrize("name", names.databases_of_template(CODE))
def test_a_build_of_a_template_stops_before_it_begins(context: Context, name: str):
    with context.maintenance() as connection, foreign_database(connection, name):
        with pytest.raises(ForeignDatabase):
            build_template(context, Recipe(CODE, CODE, ("base",)))
        with pytest.raises(ForeignDatabase):
            edit_template.drop_template(context, CODE)


def test_the_last_steps_of_a_build_replace_no_foreign_database(context: Context):
    with context.maintenance() as connection:
        building = Building(context, connection, Recipe(CODE, CODE, ("base",)), "1.0.0")
        for name in names.databases_of_template(CODE)[:3]:
            with foreign_database(connection, name), pytest.raises(ForeignDatabase):
                swap(building)
        with foreign_database(connection, names.retired_database(CODE)), pytest.raises(ForeignDatabase):
            drop_retired(building)


@pytest.mark.parametrize("name", [CLONE, SPARE, ZYGOTE])
def test_a_clone_replaces_no_foreign_database(context: Context, name: str):
    make_template(context, CODE)
    with context.maintenance() as connection, foreign_database(connection, name):
        with pytest.raises(ForeignDatabase):
            clone.clone_template(context, connection, CODE, name)
        if name != ZYGOTE:
            assert pool.fill(context, CODE, 1) == 1


def test_a_clone_changes_no_foreign_role(context: Context):
    make_template(context, CODE)
    with context.maintenance() as connection, foreign_role(connection, CLONE):
        with pytest.raises(ForeignRole):
            clone.clone_template(context, connection, CODE, CLONE)
        assert databases.find(connection, CLONE) is None


def test_a_spare_replaces_no_foreign_database(context: Context):
    make_template(context, CODE)
    pool.fill(context, CODE, 1)
    label = Label(Kind.INSTANCE, State.ACTIVE, CODE, "")
    with context.maintenance() as connection:
        (spare,) = pool.spares(connection, CODE)
        with foreign_database(connection, "acme"), pytest.raises(Conflict):
            pool.claim(context, connection, CODE, "acme", label)
        with foreign_role(connection, "beta"), pytest.raises(ForeignRole):
            pool.claim(context, connection, CODE, "beta", label)
        assert pool.spares(connection, CODE) == [spare]


def test_a_database_without_a_label_after_a_kill_is_still_ours(context: Context):
    """CREATE DATABASE cannot write a comment: the owner shows that it is ours."""
    make_template(context, CODE)
    name = names.new_spare_database(CODE)
    with context.maintenance() as connection:
        roles.create(connection, names.MAKER_ROLE)
        connection.execute(f'CREATE DATABASE "{name}" OWNER {names.MAKER_ROLE}'.encode())
        found = databases.find(connection, name)
        assert found
        assert (found.is_ours, found.label) == (True, None)
        pool.sweep(context, connection, CODE)
        assert databases.find(connection, name) is None


def test_the_engine_owns_its_databases_and_public_has_no_privileges_on_them(context: Context):
    make_template(context, CODE)
    with context.maintenance() as connection:
        clone.clone_template(context, connection, CODE, "spare_fake_1")
        relabel(context, connection, "spare_fake_1", LABEL)
        with foreign_role(connection, "stranger"):
            facts = connection.execute(
                "SELECT datdba::regrole::text = current_user,"
                "       has_database_privilege('stranger', oid, 'CONNECT')"
                "  FROM pg_database WHERE datname = 'spare_fake_1'"
            ).fetchone()
    assert facts == (True, False)
