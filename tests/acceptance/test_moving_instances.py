"""A real Odoo moves between two servers while its users work: nothing is lost, nobody is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from tests.support.inventory import orphans
from tests.support.tenants import ask, create, log_in, status, swept
from tests.support.ticker import ticking
from tests.support.travelling import files_of

from tenantry.engine import Engine
from tenantry.engine.moving import confirm, move
from tenantry.model.catalog import State

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
    kept = files_of(engine.context, "acme")
    assert kept.items() <= files_of(there.context, "acme").items()
    checksums = "SELECT id, checksum, store_fname FROM ir_attachment ORDER BY id"
    assert set(ask(engine, "acme", checksums)) <= set(ask(there, "acme", checksums))
    with ticking(engine, creation) as back:
        move(there, engine, "acme")
    assert (back.failures, back.lost(engine), ticker.lost(engine)) == ([], [], [])
    assert user.call("res.partner", "search_count", [["name", "=", "Zoë"]]) == 1
    assert status(there, "acme") == 200
    assert orphans(engine.context) == orphans(there.context) == []


def test_after_the_confirmation_the_old_address_still_leads_there(engine: Engine, there: Engine):
    creation = create(engine)
    move(engine, there, "acme")
    confirm(engine, "acme")
    assert status(engine, "acme") == 200
    there.instances.suspend("acme")
    assert status(engine, "acme") == 503
    there.instances.reactivate("acme")
    user = log_in(engine, creation)
    move(there, engine, "acme")
    assert user.call("res.users", "search_count", [])
    assert status(there, "acme") == 200
