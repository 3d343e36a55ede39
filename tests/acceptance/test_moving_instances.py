"""A real Odoo moves between two servers while its users work: nothing is lost, nobody is refused."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.inventory import orphans
from tests.support.tenants import ask, create, log_in, status, swept
from tests.support.ticker import ticking
from tests.support.travelling import content_of
from typer.testing import CliRunner

from tenantry.cli.main import app
from tenantry.engine import Engine
from tenantry.engine.moving import move
from tenantry.errors import Busy, InvalidTransition
from tenantry.model.catalog import State
from tenantry.model.entitlements import Entitlements

SECOND = "beside"
_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(scope="module")
def there(engine: Engine, first_port: int) -> Iterator[Engine]:
    """Another server of the same installation, without a template."""
    file = engine.settings.installation.file
    file.write_text(
        f"[servers.{SECOND}]\nbase_domain = '{SECOND}.localhost'\nhttp_port = {first_port + 20}\n"
    )
    found = Engine(engine.settings, report=print).at(SECOND)
    found.start_postgres()
    found.start_tenants()
    with swept(found):
        yield found
    found.stop()
    file.unlink()
    shutil.rmtree(found.settings.home)


@pytest.fixture(autouse=True)
def clean(engine: Engine, there: Engine) -> Iterator[None]:
    with swept(engine), swept(there):
        yield


def test_an_instance_moves_there_and_back_while_its_users_work(engine: Engine, there: Engine):
    creation = create(engine)
    user = log_in(engine, creation)
    user.call("res.partner", "create", [{"name": "Zoë", "image_1920": _PICTURE}])
    with ticking(engine, creation) as ticker:
        moved = move(engine, there, "acme")
    assert (ticker.failures, ticker.lost(there)) == ([], [])
    assert there.instances.get("acme").state is State.ACTIVE
    assert moved.pause_s > 0
    # The same session, at the old address.
    found = user.call("res.partner", "search_read", [["name", "=", "Zoë"]], ["image_1920"])
    assert found[0]["image_1920"] == _PICTURE
    assert log_in(there, creation).call("res.partner", "search_count", [["name", "=", "Zoë"]]) == 1
    assert content_of(engine).items() <= content_of(there).items()
    checksums = "SELECT id, checksum, store_fname FROM ir_attachment ORDER BY id"
    assert set(ask(engine, "acme", checksums)) <= set(ask(there, "acme", checksums))
    with ticking(engine, creation) as back:
        move(there, engine, "acme")
    assert (back.failures, back.lost(engine), ticker.lost(engine)) == ([], [], [])
    assert user.call("res.partner", "search_count", [["name", "=", "Zoë"]]) == 1
    assert status(there, "acme") == 200
    assert orphans(engine.context) == orphans(there.context) == []


def test_the_command_moves_confirms_and_moves_back(engine: Engine, there: Engine):
    creation = create(engine)
    runner = CliRunner(env=engine.settings.to_environment())

    def told(*arguments: str) -> str:
        result = runner.invoke(app, ["instance", *arguments])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    assert f"acme is on the server {SECOND}, at {there.instances.url_of('acme')}" in told(
        "move", "acme", "--to", SECOND
    )
    assert f"moved to {SECOND}" in told("list", "--local")
    told("move", "acme", "--confirm")
    assert f"moved to {SECOND}" in told("show", "acme", "--local")
    assert status(engine, "acme") == 200
    there.instances.suspend("acme")
    assert status(engine, "acme") == 503
    there.instances.reactivate("acme")
    user = log_in(engine, creation)
    assert "acme is on the server local" in told("move", "acme", "--back")
    assert user.call("res.users", "search_count", [])
    assert status(there, "acme") == 200
    refused = runner.invoke(app, ["instance", "move", "acme", "--back"])
    assert refused.exit_code == InvalidTransition.exit_code


def test_a_plan_that_changes_while_it_moves_is_refused_for_now(engine: Engine, there: Engine):
    create(engine)
    engine.moves.freeze("acme", "a run")
    try:
        with pytest.raises(Busy):
            engine.instances.set_limits("acme", {"threads": 2})
        with pytest.raises(Busy):
            engine.instances.entitle("acme", Entitlements(users=3))
    finally:
        engine.moves.thaw("acme", "a run")
    assert status(engine, "acme") == 200
    move(engine, there, "acme")
    with pytest.raises(InvalidTransition):
        engine.instances.entitle("acme", Entitlements(users=3))


def test_who_waits_at_a_held_instance_outlives_the_spawner(engine: Engine, there: Engine):
    create(engine)
    engine.moves.freeze("acme", "a run")
    with ThreadPoolExecutor(4) as visitors:
        try:
            waiting = [visitors.submit(status, engine, "acme") for _ in range(4)]
            os.kill(engine.runtime.pid, signal.SIGHUP)
            engine.context.runtime.follow(["acme"])
            assert not any(visit.done() for visit in waiting)
        finally:
            engine.moves.thaw("acme", "a run")
        assert [visit.result() for visit in waiting] == [200] * 4
