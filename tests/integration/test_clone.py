"""Cloning a template and the pool of spares, on a real cluster."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import replace

import psycopg
import pytest
from tests.support.fake_template import make_template
from tests.support.inventory import orphans
from tests.support.killed import interrupt_drop, run_and_kill
from tests.support.waiting import wait_until

from tenantry.engine import Engine
from tenantry.errors import (
    DatabaseInUse,
    FilestoreFailure,
    PostgresUnreachable,
    TemplateNotFound,
    TemplateNotReady,
)
from tenantry.model import names
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.secret import derive_role_password
from tenantry.odoo.filestore import Filestores
from tenantry.operations.context import Context
from tenantry.operations.fleet import pool
from tenantry.operations.template import clone
from tenantry.postgres import databases, locks, roles


def the_label(code: str) -> Label:
    return Label(Kind.INSTANCE, State.ACTIVE, code, "")


@pytest.fixture(autouse=True)
def clean(context: Context, fake_template: str):
    yield
    with context.maintenance() as connection:
        for database in databases.listing(connection, *(set(Kind) - {Kind.MASTER})):
            clone.discard(context, connection, database.name)


def test_a_spare_holds_what_the_template_held_and_its_role_owns_it(context: Context, fake_template: str):
    pool.fill(context, fake_template, 1)
    with context.maintenance() as connection:
        (spare,) = pool.spares(connection, fake_template)
    with context.cluster.connect(spare.name) as inside:
        tables = inside.execute(
            "SELECT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        )
        owners = {owner for (owner,) in tables}
        assert inside.execute("SELECT name FROM partners").fetchone() == ("from the template",)
    assert owners == {spare.name}
    assert (context.filestores.folder(spare.name) / "ab/abcdef").read_text() == "a file of the template"
    assert orphans(context) == []


def test_a_spare_cannot_be_logged_in_to_until_it_is_claimed(context: Context, fake_template: str):
    pool.fill(context, fake_template, 1)
    with context.maintenance() as connection:
        (spare,) = pool.spares(connection, fake_template)
        password = derive_role_password(context.keys.instances, spare.name)
        tenant = context.cluster.as_role(spare.name, password)
        with pytest.raises(PostgresUnreachable):
            tenant.open(spare.name)
        pool.claim(context, connection, fake_template, "acme", the_label(fake_template))
    with context.cluster.as_role("acme", context.role_password("acme")).connect("acme") as inside:
        assert inside.execute("SELECT current_user").fetchone() == ("acme",)


def test_filling_a_full_pool_does_nothing(context: Context, fake_template: str):
    assert pool.fill(context, fake_template, 2) == 2
    assert pool.fill(context, fake_template, 2) == 0


def test_the_oldest_spare_is_claimed_first_and_each_only_once(context: Context, fake_template: str):
    pool.fill(context, fake_template, 3)
    with context.maintenance() as connection:
        waiting = [spare.name for spare in pool.spares(connection, fake_template)]
    claimed: list[str | None] = []

    def claim(number: int) -> None:
        with context.maintenance() as connection:
            name = f"acme-{number}"
            claimed.append(pool.claim(context, connection, fake_template, name, the_label(fake_template)))

    threads = [threading.Thread(target=claim, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(name for name in claimed if name) == sorted(waiting)
    assert claimed.count(None) == 1


def test_the_oldest_spare_is_claimed_before_the_others(context: Context, fake_template: str):
    pool.fill(context, fake_template, 3)
    label = the_label(fake_template)
    with context.maintenance() as connection:
        built = {s.name: s.label.built_at for s in pool.spares(connection, fake_template) if s.label}
        claimed = [pool.claim(context, connection, fake_template, f"acme-{n}", label) for n in range(3)]
    assert claimed == sorted(built, key=lambda name: built[name])


def test_a_spare_that_is_not_ready_is_never_claimed(context: Context, fake_template: str):
    pool.fill(context, fake_template, 1)
    with context.maintenance() as connection:
        (spare,) = pool.spares(connection, fake_template)
        assert spare.label
        databases.label(connection, spare.name, spare.label.having(state=State.BUILDING))
        assert pool.claim(context, connection, fake_template, "acme", the_label(fake_template)) is None


def test_each_instance_has_an_identity_of_its_own_though_it_has_anothers_name(
    context: Context, fake_template: str
):
    """Statements that were signed for the previous instance are void."""
    pool.fill(context, fake_template, 2)
    identities = set()
    with context.maintenance() as connection:
        for _ in range(2):
            pool.claim(context, connection, fake_template, "acme", the_label(fake_template))
            found = databases.find(connection, "acme")
            assert found
            assert found.label
            identities.add(found.label.identity_of("acme"))
            clone.discard(context, connection, "acme")
            for name in context.filestores.names():
                if name.startswith(names.spare_prefix(fake_template)):
                    context.filestores.remove(name)
            pool.fill(context, fake_template, 1)
    assert len(identities) == 2
    assert {len(identity) for identity in identities} == {32}


def test_spares_of_an_older_version_are_replaced(context: Context, fake_template: str):
    pool.fill(context, fake_template, 2)
    make_template(context, fake_template, "1.0.1")
    with context.maintenance() as connection:
        assert pool.claim(context, connection, fake_template, "acme", the_label(fake_template)) is None
    assert pool.fill(context, fake_template, 2) == 2
    with context.maintenance() as connection:
        versions = {spare.label.version for spare in pool.spares(connection, fake_template) if spare.label}
    assert versions == {"1.0.1"}


def test_a_spare_that_an_operation_has_locked_is_not_swept(context: Context, fake_template: str):
    name = names.new_spare_database(fake_template)
    with context.maintenance() as worker, context.maintenance() as sweeper:
        with locks.exclusive(worker, f"database {name}"):
            roles.create(worker, name)
            pool.sweep(context, sweeper, fake_template)
            assert roles.exists(worker, name)
        pool.sweep(context, sweeper, fake_template)
        assert not roles.exists(worker, name)


def test_a_clone_for_a_creation_is_not_swept_before_it_has_its_name(context: Context, fake_template: str):
    name = names.cloning_database("acme")
    with context.maintenance() as worker, context.maintenance() as sweeper:
        with clone.database_lock(worker, name):
            made = clone.clone_template(context, worker, fake_template, name)
            pool.sweep(context, sweeper, fake_template)
            pool.name_spare(context, worker, made, "acme", the_label(fake_template))
        pool.sweep(context, sweeper, fake_template)
        assert databases.find(worker, "acme")
        assert context.filestores.exists(name)


def test_a_spare_with_sessions_is_skipped_and_the_next_is_claimed(context: Context, fake_template: str):
    pool.fill(context, fake_template, 2)
    with context.maintenance() as connection:
        oldest, next_one = (spare.name for spare in pool.spares(connection, fake_template))
        with context.cluster.connect(oldest):
            label = the_label(fake_template)
            assert pool.claim(context, connection, fake_template, "acme", label) == next_one
            assert pool.claim(context, connection, fake_template, "beta", label) is None
        wait_until(lambda: oldest not in databases.with_sessions(connection), "its session has not ended")
        assert pool.claim(context, connection, fake_template, "beta", label) == oldest


def test_a_spare_with_a_session_cannot_be_renamed_and_the_next_is_claimed(
    context: Context, fake_template: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(databases, "with_sessions", lambda _connection: set())
    pool.fill(context, fake_template, 2)
    with context.maintenance() as connection:
        oldest, next_one = (spare.name for spare in pool.spares(connection, fake_template))
        with context.cluster.connect(oldest):
            with pytest.raises(DatabaseInUse, match=oldest):
                databases.rename(connection, oldest, "acme")
            label = the_label(fake_template)
            assert pool.claim(context, connection, fake_template, "acme", label) == next_one


def test_a_drop_that_was_interrupted_is_finished_when_it_is_run_again(
    cluster_engine: Engine, context: Context, fake_template: str
):
    with context.maintenance() as connection:
        clone.clone_template(context, connection, fake_template, "spare_fake_1")
        interrupt_drop(cluster_engine, "spare_fake_1")
        clone.discard(context, connection, "spare_fake_1")
        assert databases.find(connection, "spare_fake_1") is None
        assert not roles.exists(connection, "spare_fake_1")


def test_a_spare_whose_drop_was_interrupted_is_swept_and_never_claimed(
    cluster_engine: Engine, context: Context, fake_template: str
):
    pool.fill(context, fake_template, 2)
    with context.maintenance() as connection:
        broken, whole = (spare.name for spare in pool.spares(connection, fake_template))
        interrupt_drop(cluster_engine, broken)
        assert pool.claim(context, connection, fake_template, "acme", the_label(fake_template)) == whole
        assert pool.fill(context, fake_template, 1) == 1
        assert databases.find(connection, broken) is None


def test_the_files_of_a_claimed_spare_are_not_swept_before_they_are_renamed(
    context: Context, fake_template: str
):
    pool.fill(context, fake_template, 1)
    with context.maintenance() as connection:
        spare = pool.claim(context, connection, fake_template, "acme", the_label(fake_template))
        pool.sweep(context, connection, fake_template)
    assert spare
    assert context.filestores.exists(spare)


def test_a_missing_template_or_one_that_is_not_ready_is_not_cloned(context: Context, fake_template: str):
    with context.maintenance() as connection:
        with pytest.raises(TemplateNotFound):
            clone.clone_template(context, connection, "nothing", "spare_nothing_1")
        label = Label(Kind.TEMPLATE, State.BUILDING, "slow", "1.0.0")
        databases.create(connection, names.building_database("slow"), label)
        with pytest.raises(TemplateNotReady):
            clone.clone_template(context, connection, "slow", "spare_slow_1")


def test_nobody_can_connect_to_a_template(context: Context, fake_template: str):
    with pytest.raises(PostgresUnreachable):
        context.cluster.open(names.template_database(fake_template))


def test_a_full_disk_leaves_nothing_behind(context: Context, fake_template: str, monkeypatch):
    def full(*_arguments: object, **_keywords: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tenantry.odoo.filestore.os.link", full)
    monkeypatch.setattr("tenantry.odoo.filestore.shutil.copy2", full)
    with pytest.raises(FilestoreFailure, match="No space left on device"):
        pool.fill(context, fake_template, 1)
    monkeypatch.undo()
    assert orphans(context) == []
    with context.maintenance() as connection:
        assert pool.spares(connection) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_really_full_leaves_nothing_behind(context: Context, fake_template: str, tmp_path):
    """The filestore is on a disk of 64 kB, so the template's file, which is larger, is copied to it."""
    with context.maintenance() as connection:
        template = databases.find(connection, names.template_database(fake_template))
    (context.filestores.folder(template.filestore) / "ab" / "large").write_bytes(b"x" * 200_000)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=True)
    try:
        (tmp_path / template.filestore).symlink_to(context.filestores.folder(template.filestore))
        small = replace(context, filestores=Filestores(tmp_path))
        with pytest.raises(FilestoreFailure, match="No space left on device"):
            pool.fill(small, fake_template, 1)
        assert list(tmp_path.iterdir()) == [tmp_path / template.filestore]
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    with context.maintenance() as connection:
        assert pool.spares(connection) == []
    assert orphans(context) == []


@pytest.mark.parametrize("step", [step.name for step in clone.STEPS])
def test_a_clone_killed_after_any_step_is_made_again(context: Context, fake_template: str, step: str):
    name = names.new_spare_database(fake_template)
    run_and_kill(context.settings, "clone", step, fake_template, name)
    with context.maintenance() as connection:
        made = clone.clone_template(context, connection, fake_template, name)
    assert made.label
    assert made.label.state is State.READY
    assert orphans(context) == []


@pytest.mark.parametrize("step", [step.name for step in clone.STEPS])
def test_what_a_killed_clone_left_is_swept_by_the_next_fill(context: Context, fake_template: str, step: str):
    run_and_kill(context.settings, "clone", step, fake_template, names.new_spare_database(fake_template))
    pool.fill(context, fake_template, 1)
    assert orphans(context) == []
    with context.maintenance() as connection:
        assert len(pool.spares(connection, fake_template)) == 1


def test_a_tenants_role_is_limited_and_may_create_no_databases_or_roles(context: Context, fake_template: str):
    pool.fill(context, fake_template, 1)
    with context.maintenance() as connection:
        pool.claim(context, connection, fake_template, "acme", the_label(fake_template))
        rights = connection.execute(
            "SELECT rolconnlimit, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
            "  FROM pg_roles WHERE rolname = 'acme'"
        ).fetchone()
    assert rights == (roles.MAX_CONNECTIONS, False, False, False, False, False)


def test_the_templates_owner_has_no_privileges_in_a_clone(context: Context, fake_template: str):
    """The role owns every template: otherwise a template's build could write in all instances."""
    pool.fill(context, fake_template, 1)
    owner = names.TEMPLATE_OWNER
    with context.maintenance() as connection:
        (spare,) = pool.spares(connection, fake_template)
    with context.cluster.connect(spare.name) as inside:
        rights = inside.execute(
            "SELECT has_database_privilege(%(role)s, current_database(), 'CONNECT'),"
            "       has_schema_privilege(%(role)s, 'public', 'CREATE'),"
            "       has_table_privilege(%(role)s, 'partners', 'SELECT')",
            {"role": owner},
        ).fetchone()
    assert rights == (False, False, False)


def test_a_tenant_role_reaches_its_own_database_and_no_other(context: Context, fake_template: str):
    pool.fill(context, fake_template, 2)
    with context.maintenance() as connection:
        for name in ("acme", "beta"):
            pool.claim(context, connection, fake_template, name, the_label(fake_template))
    acme = context.cluster.as_role("acme", context.role_password("acme"))
    for other in ("beta", "postgres", "template1", names.template_database(fake_template)):
        with pytest.raises(PostgresUnreachable):
            acme.open(other)
    with acme.connect("acme") as inside:
        for statement in (
            'DROP DATABASE "beta"',
            'ALTER DATABASE "beta" RENAME TO gamma',
            'ALTER DATABASE "acme" RENAME TO gamma',
            'ALTER DATABASE "acme" ALLOW_CONNECTIONS false',
            "COMMENT ON DATABASE \"acme\" IS 'free for ever'",
            "CREATE DATABASE gamma",
            "CREATE EXTENSION dblink",
            "SELECT * FROM pg_database",
            "SELECT * FROM pg_stat_activity",
            "SELECT pg_read_file('/etc/passwd')",
            "COPY res_partner TO PROGRAM 'id'",
            'SET ROLE "beta"',
        ):
            with pytest.raises(psycopg.Error):
                inside.execute(statement.encode())
