"""Backups of a real Odoo are proved by a real Odoo; what that cannot load or show has failed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.inventory import orphans
from tests.support.tenants import create, log_in, status, swept

from tenantry.engine import Engine
from tenantry.model.backup import ProofState
from tenantry.odoo.confined import log_of

_NO_LOGIN_PAGE = """
    UPDATE ir_ui_view SET arch_db = '{"en_US": "<t t-name=\\"web.login\\"><t t-out=\\"1 // 0\\"/></t>"}'
     WHERE key = 'web.login'
"""
_NO_REGISTRY = "ALTER TABLE ir_model_fields RENAME COLUMN state TO elsewhere"


@pytest.fixture
def backups(engine: Engine, tmp_path: Path) -> Iterator[Engine]:
    """The engine with a store of the test's own."""
    with swept(engine):
        yield Engine(engine.settings.replaced(backup_store=str(tmp_path)))


def break_it(engine: Engine, statement: str) -> None:
    with engine.context.as_tenant("acme") as inside:
        inside.execute(statement.encode())


def test_a_backup_of_a_real_instance_is_proved_and_broken_ones_are_not(engine: Engine, backups: Engine):
    log_in(engine, create(engine)).call("res.partner", "create", [{"name": "Zoë", "image_1920": _PICTURE}])
    good = backups.backups.take("acme").backup
    proof = backups.backups.prove(good)
    assert (proof.state, proof.detail) == (ProofState.PROVED, "")
    assert not log_of(engine.settings, "proof", good).exists()
    assert status(engine, "acme") == 200

    break_it(engine, _NO_LOGIN_PAGE)
    without_page = backups.backups.prove(backups.backups.take("acme").backup)
    assert (without_page.state, "login page" in without_page.detail) == (ProofState.FAILED, True)

    break_it(engine, _NO_REGISTRY)
    broken = backups.backups.take("acme").backup
    without_registry = backups.backups.prove(broken)
    assert (without_registry.state, "registry" in without_registry.detail) == (ProofState.FAILED, True)
    assert "cannot be loaded" in log_of(engine.settings, "proof", broken).read_text()

    assert backups.backups.get(good).proof == proof
    assert orphans(engine.context) == []


_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
