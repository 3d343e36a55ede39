"""A copy of an instance: of all of it, neutralized before it is served, or none at all. Odoo is played."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.crashes import Crash, crash_before
from tests.support.fake_runtime import FakeRuntime
from tests.support.inventory import orphans
from tests.support.killed import run_and_kill
from tests.support.travelling import as_tenant, content_of, make_instance, schema_and_rows, swept_clusters

from tenantry.engine import Engine
from tenantry.errors import InitialisationFailed, InvalidName, InvalidTransition, NameTaken, NotNeutralized
from tenantry.model.catalog import Label, State
from tenantry.model.progress import StepEvent
from tenantry.odoo.initialise import OdooCommand
from tenantry.operations.context import relabel
from tenantry.operations.inventory import find_instance
from tenantry.postgres import roles

NEUTRALIZE = """
    INSERT INTO ir_config_parameter VALUES ('database.is_neutralized', 'true');
    DELETE FROM ir_config_parameter WHERE key = 'plan';
"""


@pytest.fixture(scope="module")
def served(cluster_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A server that answers as the labels say, and whose Odoo neutralizes what is not served."""
    found = Engine(cluster_engine.settings)
    socket = tmp_path_factory.mktemp("r") / "socket"
    runtime = FakeRuntime(found.context.cluster, found.settings.base_domain, socket)

    def neutralize(name: str, command: OdooCommand) -> None:
        assert command.arguments == ("neutralize",)
        assert runtime.answer(f"{name}.localhost") == 503
        as_tenant(found.context, NEUTRALIZE, name)

    runtime.odoo = neutralize
    vars(found)["runtime"] = runtime
    with runtime.listening():
        yield found


@pytest.fixture
def engine(served: Engine, fake_template: str) -> Iterator[Engine]:
    with swept_clusters(served.context):
        make_instance(served.context, fake_template, hostnames=("shop.example",), limits={"threads": 3})
        served.context.runtime.follow(["acme"])
        yield served


def label_of(engine: Engine, name: str) -> Label:
    with engine.context.maintenance() as connection:
        return find_instance(connection, name)


def parameters(engine: Engine, name: str) -> dict[str, str]:
    with engine.context.cluster.connect(name) as inside:
        return dict(inside.execute("SELECT key, value FROM ir_config_parameter").fetchall())


def nothing_is_left(engine: Engine) -> None:
    assert [it.name for it in engine.instances.all()] == ["acme"]
    assert orphans(engine.context) == []
    assert list((engine.settings.home / "copies").glob("*")) == []


def test_a_copy_has_the_rows_and_files_of_its_original_and_is_neutralized(engine: Engine):
    as_tenant(engine.context, "INSERT INTO ir_config_parameter VALUES ('database.secret', 's')")
    made = engine.instances.duplicate("acme", "acme-test")
    assert (made.state, made.is_copy) == (State.ACTIVE, True)
    assert content_of(engine, "acme-test") == content_of(engine, "acme")
    assert schema_and_rows(engine, "acme-test") == schema_and_rows(engine, "acme")
    found = parameters(engine, "acme-test")
    assert found["web.base.url"] == engine.context.address("acme-test").url
    assert found["database.is_neutralized"] == "true"
    assert len(found["database.secret"]) > 60
    assert parameters(engine, "acme")["plan"] == "small"
    assert orphans(engine.context) == []


def test_it_is_another_instance_with_the_originals_limits(engine: Engine):
    engine.instances.duplicate("acme", "acme-test", expires_days=3)
    copy, original = label_of(engine, "acme-test"), label_of(engine, "acme")
    assert copy.copy_of == original.identity_of("acme")
    assert copy.identity not in ("", original.identity_of("acme"))
    assert (copy.hostnames, copy.limits) == ((), {"threads": 3})
    assert 2 < (copy.expires_at - time.time()) / 86400 < 3.1
    assert engine.context.runtime.answer("shop.example") == 200


def test_what_is_loaded_from_its_archive_is_still_a_copy(engine: Engine, tmp_path: Path):
    engine.instances.duplicate("acme", "acme-test")
    archive = engine.archives.dump("acme-test", str(tmp_path)).archive
    engine.archives.load(str(tmp_path), archive, "beta")
    assert label_of(engine, "beta").copy_of == label_of(engine, "acme").identity_of("acme")


def test_the_original_is_served_meanwhile(engine: Engine):
    seen: set[int] = set()

    def look(_event: StepEvent) -> None:
        seen.add(engine.context.runtime.answer("acme.localhost"))

    engine.instances.duplicate("acme", "acme-test", look)
    assert seen == {200}


def test_a_copy_that_is_there_already_stays_as_it_is(engine: Engine):
    engine.instances.duplicate("acme", "acme-test")
    as_tenant(engine.context, "DELETE FROM line", "acme-test")
    assert engine.instances.duplicate("acme", "acme-test").state is State.ACTIVE
    assert schema_and_rows(engine, "acme-test") != schema_and_rows(engine, "acme")


def test_what_cannot_be_copied_is_refused(engine: Engine, fake_template: str):
    with pytest.raises(InvalidName):
        engine.instances.duplicate("acme", "no_name")
    make_instance(engine.context, fake_template, "beta")
    with pytest.raises(NameTaken):
        engine.instances.duplicate("acme", "beta")
    with engine.context.maintenance() as connection:
        suspended = find_instance(connection, "acme").having(state=State.SUSPENDED)
        relabel(engine.context, connection, "acme", suspended)
        roles.disable_login(connection, "acme")
    with pytest.raises(InvalidTransition):
        engine.instances.duplicate("acme", "acme-test")
    assert orphans(engine.context) == []


def test_a_copy_that_odoo_cannot_neutralize_is_removed(engine: Engine, monkeypatch):
    def fail(name: str, _command: OdooCommand) -> None:
        raise InitialisationFailed(name, "it ended with 1", Path("log"))

    monkeypatch.setattr(engine.context.runtime, "odoo", fail)
    with pytest.raises(InitialisationFailed):
        engine.instances.duplicate("acme", "acme-test")
    nothing_is_left(engine)


def test_a_copy_whose_tenant_prevents_it_is_removed(engine: Engine):
    prevent = """
        CREATE FUNCTION prevent() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.key = 'database.is_neutralized' THEN RETURN NULL; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER prevent BEFORE INSERT ON ir_config_parameter FOR EACH ROW EXECUTE FUNCTION prevent();
    """
    as_tenant(engine.context, prevent)
    with pytest.raises(NotNeutralized):
        engine.instances.duplicate("acme", "acme-test")
    nothing_is_left(engine)


def test_a_duplication_that_is_killed_anywhere_is_made_again(engine: Engine):
    effect, goes_on = 0, True
    while goes_on:
        goes_on = False
        with suppress(Crash), crash_before(effect):
            goes_on = True
            engine.instances.duplicate("acme", "acme-test")
            goes_on = False
        assert engine.instances.duplicate("acme", "acme-test").state is State.ACTIVE
        assert parameters(engine, "acme-test")["database.is_neutralized"] == "true"
        assert schema_and_rows(engine, "acme-test") == schema_and_rows(engine, "acme"), effect
        assert orphans(engine.context) == [], effect
        engine.instances.terminate("acme-test")
        nothing_is_left(engine)
        effect += 15
    assert effect > 60


def test_what_a_killed_duplication_left_is_swept(engine: Engine, fake_template: str):
    run_and_kill(engine.settings, "duplicate", "database", "acme", "acme-test")
    assert list((engine.settings.home / "copies").glob("*"))
    engine.backups.sweep()
    engine.pool.fill(fake_template, 0)
    nothing_is_left(engine)


def test_a_copy_is_stopped_when_it_expires_and_not_deleted(engine: Engine):
    engine.instances.duplicate("acme", "acme-test", expires_days=1)
    assert engine.backups.sweep().stopped == ()
    with engine.context.maintenance() as connection:
        expired = label_of(engine, "acme-test").having(expires_at=time.time() - 1)
        relabel(engine.context, connection, "acme-test", expired)
    assert engine.backups.sweep().stopped == ("acme-test",)
    assert engine.backups.sweep().stopped == ()
    assert label_of(engine, "acme-test").state is State.STOPPED
    assert label_of(engine, "acme").state is State.ACTIVE
    assert engine.instances.start("acme-test").state is State.ACTIVE
