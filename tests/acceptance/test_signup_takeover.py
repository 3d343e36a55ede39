"""A master whose signup was in three addons gets the single addon and keeps its data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.support.master import UnusedMaster

from tenantry.engine import Engine
from tenantry.errors import InitialisationFailed, TenantryError
from tenantry.model.names import MASTER_DATABASE
from tenantry.model.progress import StepEvent, StepStatus
from tenantry.odoo.initialise import Initialisation
from tenantry.postgres import databases

UPDATE = ["dependencies", "stop", "rename", "update", "verify", "note"]

THREE_ADDONS = r"""
UPDATE ir_module_module SET name = 'saas_manager_portal' WHERE name = 'saas_manager_signup';
INSERT INTO ir_module_module (name, state, latest_version, author)
    SELECT 'saas_manager_captcha', 'installed', '19.0.1.0.0', author
      FROM ir_module_module WHERE name = 'saas_manager_portal';
INSERT INTO ir_module_module_dependency (module_id, name, auto_install_required)
    SELECT id, 'saas_manager_portal', true FROM ir_module_module WHERE name = 'saas_manager_captcha';
UPDATE ir_model_constraint it SET module = captcha.id
  FROM ir_module_module captcha, ir_model model
 WHERE captcha.name = 'saas_manager_captcha' AND model.id = it.model AND model.model = 'saas.captcha.used';

UPDATE ir_model_data SET name = 'module_saas_manager_portal' WHERE name = 'module_saas_manager_signup';
INSERT INTO ir_model_data (module, name, model, res_id, noupdate)
    SELECT 'base', 'module_saas_manager_captcha', 'ir.module.module', id, true
      FROM ir_module_module WHERE name = 'saas_manager_captcha';
UPDATE ir_model_data SET module = 'saas_manager_api'
 WHERE module = 'saas_manager_signup' AND (name LIKE '%link\_sent\_at' OR name = 'confirmation_page');
UPDATE ir_model_data SET module = 'saas_manager_captcha'
 WHERE module = 'saas_manager_signup' AND name ~ 'altcha|captcha' AND name <> 'captcha';
UPDATE ir_model_data SET name = 'captcha' WHERE module = 'saas_manager_captcha' AND name = 'altcha';
UPDATE ir_model_data SET name = 'res_config_settings_view_form'
 WHERE module = 'saas_manager_captcha' AND name = 'res_config_settings_view_form_captcha';
UPDATE ir_model_data SET module = 'saas_manager_portal' WHERE module = 'saas_manager_signup';
INSERT INTO ir_model_data (module, name, model, res_id, noupdate)
    SELECT 'saas_manager_captcha', name, model, res_id, noupdate FROM ir_model_data
     WHERE module = 'saas_manager_portal'
       AND name IN ('model_res_config_settings', 'model_saas_instance_request', 'model_saas_signup');

UPDATE ir_ui_view SET arch_fs = CASE arch_fs
       WHEN 'saas_manager_signup/views/captcha_templates.xml'
       THEN 'saas_manager_captcha/views/captcha_templates.xml'
       WHEN 'saas_manager_signup/views/captcha_settings_views.xml'
       THEN 'saas_manager_captcha/views/res_config_settings_views.xml'
       WHEN 'saas_manager_signup/views/confirmation_templates.xml'
       THEN 'saas_manager_api/views/confirmation_templates.xml'
       ELSE replace(arch_fs, 'saas_manager_signup/', 'saas_manager_portal/') END
 WHERE arch_fs LIKE 'saas\_manager\_signup/%';
UPDATE ir_ui_view SET key = 'saas_manager_captcha.captcha',
       arch_db = replace(arch_db::text, 'saas_manager_signup', 'saas_manager_captcha')::jsonb
 WHERE key = 'saas_manager_signup.altcha';
UPDATE ir_ui_view SET key = 'saas_manager_api.confirmation_page'
 WHERE key = 'saas_manager_signup.confirmation_page';
UPDATE ir_ui_view SET key = replace(key, 'saas_manager_signup', 'saas_manager_portal'),
       arch_db = replace(arch_db::text, 'saas_manager_signup', 'saas_manager_portal')::jsonb
 WHERE key LIKE 'saas\_manager\_signup.%' OR arch_db::text LIKE '%saas\_manager\_signup%';
"""

AN_OPERATOR = r"""
UPDATE ir_cron SET interval_number = 11
 WHERE id = (SELECT res_id FROM ir_model_data
              WHERE module = 'saas_manager_portal' AND name = 'ir_cron_begin_delayed');
UPDATE ir_model_data SET noupdate = true WHERE module = 'saas_manager_portal' AND name = 'closed';
UPDATE ir_ui_view SET arch_db = replace(arch_db::text, 'a little later', 'on Monday')::jsonb
 WHERE key = 'saas_manager_portal.closed';
INSERT INTO ir_ui_view (name, type, mode, active, priority, key, inherit_id, arch_db)
    SELECT 'Ours', 'qweb', 'extension', true, 99, 'ours.words', id, jsonb_build_object('en_US',
           '<data><xpath expr="//main" position="before"><p>Ours: <t t-call="saas_manager_portal.sign">'
           '<t t-set="path" t-value="''M1 1''"/></t></p></xpath></data>')
      FROM ir_ui_view WHERE key = 'saas_manager_portal.layout';
INSERT INTO ir_ui_view (name, type, mode, active, priority, key, arch_db)
    SELECT 'Ours', 'qweb', 'primary', true, 16, key,
           jsonb_build_object('en_US', format('<p><t t-call="%s"/></p>', called))
      FROM (VALUES ('ours.captcha', 'saas_manager_captcha.captcha'),
                   ('ours.confirmation', 'saas_manager_api.confirmation_page')) ours (key, called);
INSERT INTO ir_config_parameter (key, value)
    VALUES ('saas_captcha.enabled', 'True'), ('saas_signup.closed', 'True')
    ON CONFLICT (key) DO UPDATE SET value = excluded.value;
"""

BREAK_DOWN = r"""
CREATE FUNCTION break_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken down'; END $$;
CREATE TRIGGER break_down BEFORE UPDATE OF arch_db ON ir_ui_view EXECUTE FUNCTION break_down();
"""
REPAIR = "DROP TRIGGER break_down ON ir_ui_view; DROP FUNCTION break_down()"

_RECORDS = """
    SELECT module, name, model, res_id, coalesce(noupdate, false) FROM ir_model_data
     WHERE module LIKE 'saas\\_%' OR module = 'base' AND name LIKE 'module\\_saas\\_%' ORDER BY 1, 2
"""
_PAGES = "SELECT id, key, inherit_id, arch_fs FROM ir_ui_view WHERE key LIKE 'saas\\_%' ORDER BY id"
_CALLED = """
    SELECT substring(arch_db ->> 'en_US' FROM 't-call="([^"]+)"') FROM ir_ui_view
     WHERE key IN ('ours.captcha', 'ours.confirmation') ORDER BY 1
"""
_OF_MODULES = """
    SELECT module.name, module.state, it.name
      FROM ir_module_module module LEFT JOIN ir_model_constraint it ON it.module = module.id
     WHERE module.name LIKE 'saas\\_%' ORDER BY 1, 2, 3
"""
_DEPENDENCIES = """
    SELECT module.name, it.name FROM ir_module_module_dependency it
      JOIN ir_module_module module ON module.id = it.module_id
     WHERE module.name LIKE 'saas\\_%' ORDER BY 1, 2
"""


@pytest.fixture
def spread(master: Engine, unused_master: UnusedMaster) -> Iterator[Engine]:
    """A master in its old state, with an operator's changes, which its next start will update."""
    run(master, THREE_ADDONS)
    run(master, AN_OPERATOR)
    with master.context.maintenance() as connection:
        label = databases.find(connection, MASTER_DATABASE).label
        databases.label(connection, MASTER_DATABASE, label.having(recipe={"code_digest": "of older code"}))
    yield master
    unused_master.put_back()


def run(engine: Engine, script: str) -> list[tuple[Any, ...]]:
    """Run statements; return the rows of the last one, if any."""
    with (
        engine.context.as_owner(MASTER_DATABASE, MASTER_DATABASE) as inside,
        databases.transaction(inside),
    ):
        result = inside.execute(script.encode())
        return result.fetchall() if result.description else []


def snapshot(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    queries = {"records": _RECORDS, "pages": _PAGES, "modules": _OF_MODULES, "dependencies": _DEPENDENCIES}
    return {name: run(engine, query) for name, query in queries.items()}


def start(engine: Engine) -> list[str]:
    """Start the master; return the steps that ran."""
    done: list[str] = []

    def note(event: StepEvent) -> None:
        if event.status is StepStatus.DONE:
            done.append(event.step)

    engine.start_master(note)
    return done


@pytest.fixture
def now(master: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """The records of a newly installed master."""
    return snapshot(master)


def test_an_updated_master_has_the_same_as_a_new_one_and_keeps_its_operators_changes(
    now: dict[str, list[tuple[Any, ...]]], spread: Engine
):
    assert snapshot(spread) != now
    assert start(spread) == UPDATE
    kept = snapshot(spread)
    closed = next(row for row in now["records"] if row[:2] == ("saas_manager_signup", "closed"))
    assert kept.pop("records") == [(*row[:4], True) if row == closed else row for row in now.pop("records")]
    assert kept == now
    assert (11,) in run(spread, "SELECT interval_number FROM ir_cron WHERE cron_name LIKE '%begin signups%'")
    page = read(spread, "/signup", 503)
    assert "on Monday" in page
    assert re.search(r'<p>Ours:\s+<span [^>]*class="sign".*M1 1', page)
    for style in re.findall(r'href="(/saas_manager_\S+)"', page):
        assert read(spread, style, 200)
    assert "parameters" in read(spread, "/signup/captcha", 200)
    called = run(spread, _CALLED)
    assert called == [("saas_manager_signup.altcha",), ("saas_manager_signup.confirmation_page",)]


def read(engine: Engine, path: str, status: int) -> str:
    """The page that any visitor gets there."""
    answer = httpx.get(engine.master.url + path)
    assert answer.status_code == status
    return answer.text


def test_an_update_killed_after_the_renaming_is_run_again(
    now: dict[str, list[tuple[Any, ...]]], spread: Engine, monkeypatch: pytest.MonkeyPatch
):
    def die(initialisation: Initialisation, *_modules: object) -> None:
        raise InitialisationFailed(initialisation.database, "killed", initialisation.log)

    with monkeypatch.context() as patch:
        patch.setattr(Initialisation, "update", die)
        with pytest.raises(InitialisationFailed):
            start(spread)
    assert start(spread) == UPDATE
    assert snapshot(spread)["pages"] == now["pages"]


def test_a_failed_renaming_renames_no_module(spread: Engine):
    before = snapshot(spread)
    run(spread, BREAK_DOWN)
    with pytest.raises(TenantryError, match="broken down"):
        start(spread)
    run(spread, REPAIR)
    assert snapshot(spread) == before
    assert start(spread) == UPDATE
