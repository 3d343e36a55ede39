"""A real Odoo gets the data of its backup while its users work, its former data again, and a copy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.inventory import orphans
from tests.support.odoo_client import browser
from tests.support.tenants import ask, create, log_in, status, swept, users_allowed
from tests.support.ticker import ticking
from typer.testing import CliRunner

from tenantry.cli.main import app
from tenantry.engine import Engine
from tenantry.model.entitlements import Entitlements

_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_ZOE = ["name", "=", "Zoë"]


@pytest.fixture(autouse=True)
def clean(engine: Engine) -> Iterator[None]:
    with swept(engine):
        yield
    shutil.rmtree(engine.settings.backups_url, ignore_errors=True)


def told(engine: Engine, *arguments: str) -> Any:
    result = CliRunner(env=engine.settings.to_environment()).invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_backup_is_restored_while_users_work_and_their_former_data_is_put_back(engine: Engine):
    creation = create(engine, entitlements=Entitlements(users=9, plan="Large"))
    user = log_in(engine, creation)
    partner = user.call("res.partner", "create", [{"name": "Zoë", "image_1920": _PICTURE}])
    backup = engine.backups.take("acme").backup
    user.call("res.partner", "unlink", partner)
    engine.instances.entitle("acme", Entitlements(users=3, plan="Small"))
    with ticking(engine, creation) as ticker:
        assert told(engine, "backup", "restore", backup, "acme", "--yes")["state"] == "active"
    assert ticker.failures == []
    # The same session, and a new one.
    found = user.call("res.partner", "search_read", [_ZOE], ["image_1920"])
    assert found[0]["image_1920"] == _PICTURE
    assert users_allowed(log_in(engine, creation)) == 3
    with ticking(engine, creation) as back:
        assert told(engine, "backup", "put-back", "acme")["state"] == "active"
    assert back.failures == []
    assert user.call("res.partner", "search_count", [_ZOE]) == 0
    assert user.call("res.partner", "search_count", [["name", "in", ticker.written]]) > 0
    assert [kept["backup"] for kept in told(engine, "backup", "kept")] == [backup]
    told(engine, "backup", "confirm", "acme")
    assert told(engine, "backup", "kept") == []
    assert orphans(engine.context) == []


def test_a_copy_has_the_same_users_says_what_it_is_and_runs_nothing(engine: Engine):
    creation = create(engine, entitlements=Entitlements(users=3, plan="Small"))
    user = log_in(engine, creation)
    user.call("res.partner", "create", [{"name": "Zoë", "image_1920": _PICTURE}])
    user.call("ir.mail_server", "create", [{"name": "ours", "smtp_host": "mail.acme.example"}])
    copy = told(engine, "instance", "duplicate", "acme", "acme-test", "--expires-days", "3")
    assert (copy["state"], copy["is_copy"], status(engine, "acme-test")) == ("active", True, 200)
    assert told(engine, "backup", "sweep") == {"removed": [], "stopped": []}
    visitor = log_in(engine, creation, "acme-test")
    found = visitor.call("res.partner", "search_read", [_ZOE], ["image_1920"])
    assert found[0]["image_1920"] == _PICTURE
    assert users_allowed(visitor) == 3
    page = browser(engine.context.route("acme-test")).get("/web/login").text
    assert "oe_neutralize_banner" in page
    active = "SELECT name FROM ir_mail_server WHERE active"
    assert ask(engine, "acme-test", active) == [("neutralization - disable emails",)]
    assert ask(engine, "acme", active) == [("ours",)]
    jobs = "SELECT count(*) FROM ir_cron WHERE active"
    assert ask(engine, "acme-test", jobs) == [(1,)]
    uuid = "SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'"
    assert ask(engine, "acme", uuid) != ask(engine, "acme-test", uuid)
    assert orphans(engine.context) == []
