"""A real Odoo is dumped while it is used, and loaded again: as a copy beside it, and in its old place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.inventory import orphans
from tests.support.tenants import ask, create, log_in, status, swept, users_allowed
from tests.support.travelling import files_of

from tenantry.engine import Engine
from tenantry.model.catalog import State
from tenantry.model.entitlements import Entitlements


@pytest.fixture(autouse=True)
def clean(engine: Engine) -> Iterator[None]:
    with swept(engine):
        yield


def test_a_copy_serves_the_data_of_its_original(engine: Engine, tmp_path: Path):
    creation = create(engine)
    log_in(engine, creation).call("res.partner", "create", [{"name": "Zoë", "image_1920": _PICTURE}])
    archive = engine.archives.dump("acme", str(tmp_path))
    made = engine.archives.load(str(tmp_path), archive.archive, "beta")
    assert (made.state, status(engine, "beta")) == (State.STOPPED, 503)
    assert archive.skipped == 0
    before = files_of(engine.context, "acme")
    assert {path: before[path] for path in files_of(engine.context, "beta")} == files_of(
        engine.context, "beta"
    )
    assert engine.instances.start("beta").state is State.ACTIVE
    assert (status(engine, "beta"), status(engine, "acme")) == (200, 200)
    found = log_in(engine, creation, "beta").call(
        "res.partner", "search_read", [["name", "=", "Zoë"]], ["image_1920"]
    )
    assert found[0]["image_1920"]
    assert ask(engine, "beta", "SELECT value FROM ir_config_parameter WHERE key = 'web.base.url'") == [
        (engine.context.route("beta").url,)
    ]
    assert orphans(engine.context) == []


def test_a_terminated_instance_is_restored_with_its_plan(engine: Engine, tmp_path: Path):
    creation = create(engine, entitlements=Entitlements(users=7, plan="Small"))
    archive = engine.archives.dump("acme", str(tmp_path))
    engine.instances.terminate("acme")
    engine.archives.load(str(tmp_path), archive.archive, "acme")
    engine.instances.start("acme")
    assert users_allowed(log_in(engine, creation)) == 7


_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_a_backup_of_another_odoo_becomes_an_instance(engine: Engine, tmp_path: Path):
    creation = create(engine)
    log_in(engine, creation).call("res.partner", "create", [{"name": "Zoë", "image_1920": _PICTURE}])
    # As in an Odoo elsewhere, which does not have our module.
    with engine.context.as_tenant("acme") as inside:
        inside.execute("UPDATE ir_module_module SET state = 'uninstalled' WHERE name = 'saas_tenant'")
    file = engine.archives.export("acme", tmp_path / "acme.zip")
    made = engine.archives.load_upload(file, "beta")
    assert (made.state, status(engine, "beta")) == (State.STOPPED, 503)
    engine.instances.start("beta")
    assert status(engine, "beta") == 200
    customer = log_in(engine, creation, "beta")
    found = customer.call("res.partner", "search_read", [["name", "=", "Zoë"]], ["image_1920"])
    assert found[0]["image_1920"]
    engine.instances.entitle("beta", Entitlements(users=7, plan="Small"))
    assert users_allowed(customer) == 7
    assert engine.instances.login_link("beta")
    assert orphans(engine.context) == []
