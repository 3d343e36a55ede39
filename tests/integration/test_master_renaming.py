"""What the update of a master does to the names of modules, without Odoo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from unittest.mock import Mock

import psycopg
import pytest

from tenantry.control_plane.install import _check_dependencies, _rename_modules, _stop_server
from tenantry.engine import Engine
from tenantry.errors import ModuleRenamed, PostgresFailure
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.names import MASTER_DATABASE
from tenantry.postgres import databases, roles

TABLES = """
    CREATE TABLE ir_module_module (id serial PRIMARY KEY, name text UNIQUE, state text);
    CREATE TABLE ir_module_module_dependency (id serial, module_id int, name text);
    CREATE TABLE ir_model_constraint (id serial, name text, module int REFERENCES ir_module_module,
                                      UNIQUE (name, module));
    CREATE TABLE ir_model_relation (id serial, name text, module int REFERENCES ir_module_module);
    CREATE TABLE ir_model_data (id serial, module text, name text, model text, res_id int, noupdate bool,
                                UNIQUE (module, name));
    CREATE TABLE ir_ui_view (id serial PRIMARY KEY, key text, arch_db jsonb, arch_prev text, arch_fs text);
"""


class Master:
    """The database of a master, as its owner."""

    def __init__(self, engine: Engine, connection: psycopg.Connection) -> None:
        self.connection = connection
        context = engine.context
        owner = context.cluster.as_role(MASTER_DATABASE, context.role_password(MASTER_DATABASE))
        self.inside = owner.open(MASTER_DATABASE)
        odoo = SimpleNamespace(series="19.0", find_module=lambda *_: None)
        self.subject = SimpleNamespace(context=context, connection=connection, runtime=Mock(), odoo=odoo)

    def rows(self, query: str) -> list[tuple]:
        return self.inside.execute(query.encode()).fetchall()

    def run(self, script: str) -> None:
        self.inside.execute(script.encode())


@pytest.fixture
def master(cluster_engine: Engine) -> Iterator[Master]:
    context = cluster_engine.context
    with context.maintenance() as connection:
        roles.create(connection, MASTER_DATABASE, context.role_password(MASTER_DATABASE))
        databases.create(connection, MASTER_DATABASE, Label(Kind.MASTER, State.ACTIVE))
        databases.grant_connect(connection, MASTER_DATABASE, MASTER_DATABASE)
        with context.cluster.connect(MASTER_DATABASE) as inside:
            roles.grant_create(inside, MASTER_DATABASE)
        made = Master(cluster_engine, connection)
        made.run(TABLES)
        yield made
        made.inside.close()
        databases.end_sessions(connection, MASTER_DATABASE)
        databases.drop(connection, MASTER_DATABASE)
        roles.drop(connection, MASTER_DATABASE)


def view(master: Master, key: str, arch: str, file: str = "") -> int:
    row = master.inside.execute(
        "INSERT INTO ir_ui_view (key, arch_db, arch_prev, arch_fs) VALUES (%s, %s, %s, %s) RETURNING id",
        [key, json.dumps({"en_US": arch, "fr_FR": arch}), arch, file],
    ).fetchone()
    return row[0]


def module(master: Master, name: str, state: str = "installed") -> int:
    row = master.inside.execute(
        "INSERT INTO ir_module_module (name, state) VALUES (%s, %s) RETURNING id", [name, state]
    ).fetchone()
    master.inside.execute(
        "INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('base', %s, 'ir.module.module', %s)",
        [f"module_{name}", row[0]],
    )
    return row[0]


def record(master: Master, module: str, name: str, number: int) -> None:
    master.inside.execute(
        "INSERT INTO ir_model_data (module, name, model, res_id) VALUES (%s, %s, 'ir.ui.view', %s)",
        [module, name, number],
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<t t-call="saas_manager_portal.sign"/>', '<t t-call="saas_manager_signup.sign"/>'),
        ('<t\nt-call="saas_manager_captcha.captcha"/>', '<t\nt-call="saas_manager_signup.altcha"/>'),
        ('<t t-call="saas_manager_captcha.other"/>', '<t t-call="saas_manager_signup.other"/>'),
        ("<t>\nsaas_manager_portal.x</t>", "<t>\nsaas_manager_signup.x</t>"),
        (
            '<t t-call="saas_manager_api.confirmation_page"/>',
            '<t t-call="saas_manager_signup.confirmation_page"/>',
        ),
        ('<t t-call="saas_manager_api.other"/>', '<t t-call="saas_manager_api.other"/>'),
        ('<t t-call="my_saas_manager_portal.sign"/>', '<t t-call="my_saas_manager_portal.sign"/>'),
        ('<t t-call="saas_manager_portal_plus.sign"/>', '<t t-call="saas_manager_portal_plus.sign"/>'),
    ],
)
def test_a_page_calls_others_by_their_present_names(master: Master, before: str, after: str):
    view(master, "ours.page", before)
    for _ in range(2):
        _rename_modules(master.subject)
        assert master.rows("SELECT arch_db->>'en_US', arch_db->>'fr_FR', arch_prev FROM ir_ui_view") == [
            (after, after, after)
        ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("saas_manager_portal/views/signup_layout.xml", "saas_manager_signup/views/signup_layout.xml"),
        (
            "saas_manager_captcha/views/res_config_settings_views.xml",
            "saas_manager_signup/views/captcha_settings_views.xml",
        ),
        (
            "saas_manager_api/views/confirmation_templates.xml",
            "saas_manager_signup/views/confirmation_templates.xml",
        ),
        ("ours/saas_manager_portal/x.xml", "ours/saas_manager_portal/x.xml"),
    ],
)
def test_a_view_knows_its_present_file(master: Master, before: str, after: str):
    view(master, "ours.page", "<t/>", before)
    _rename_modules(master.subject)
    assert master.rows("SELECT arch_fs FROM ir_ui_view") == [(after,)]


def test_newer_code_after_older_code_after_newer_code_has_one_of_each(master: Master):
    signup, portal = module(master, "saas_manager_signup"), module(master, "saas_manager_portal")
    captcha = module(master, "saas_manager_captcha")
    for number, key in enumerate(("saas_manager_signup.layout", "saas_manager_portal.layout"), 1):
        view(master, key, "<t/>")
        record(master, key.partition(".")[0], "layout", number)
    record(master, "saas_manager_api", "confirmation_page", 3)
    record(master, "saas_manager_signup", "confirmation_page", 4)
    record(master, "saas_manager_api", "other", 5)
    record(master, "saas_manager_captcha", "captcha", 6)
    record(master, "saas_manager_portal", "both", 7)
    record(master, "saas_manager_captcha", "both", 7)
    for owner in (signup, portal, captcha):
        master.inside.execute("INSERT INTO ir_model_constraint (name, module) VALUES ('unique', %s)", [owner])
    for _ in range(2):
        _rename_modules(master.subject)
    assert master.rows("SELECT name FROM ir_module_module") == [("saas_manager_signup",)]
    assert master.rows("SELECT module FROM ir_model_constraint") == [(signup,)]
    found = master.rows("SELECT module || '.' || name, res_id FROM ir_model_data ORDER BY res_id, id")
    assert found == [
        ("base.module_saas_manager_signup", signup),
        ("saas_manager_signup.layout", 1),
        ("saas_manager_signup.layout__of_older_code", 2),
        ("saas_manager_signup.confirmation_page__of_older_code", 3),
        ("saas_manager_signup.confirmation_page", 4),
        ("saas_manager_api.other", 5),
        ("saas_manager_signup.altcha", 6),
        ("saas_manager_signup.both", 7),
    ]


def test_what_fails_is_no_customers_tampering(master: Master):
    view(master, "ours.page", '<t t-call="saas_manager_portal.sign"/>')
    master.run(
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken down'; END $$"
    )
    master.run("CREATE TRIGGER no BEFORE UPDATE ON ir_ui_view EXECUTE FUNCTION no()")
    with pytest.raises(PostgresFailure, match="rename modules: broken down"):
        _rename_modules(master.subject)


def test_sessions_that_the_server_left_are_ended_with_it(master: Master):
    master.run("BEGIN; LOCK ir_ui_view")
    _stop_server(master.subject)
    master.subject.runtime.stop.assert_called_once_with()
    _rename_modules(master.subject)
    with pytest.raises(psycopg.OperationalError):
        master.run("SELECT 1")


@pytest.mark.parametrize("dependency", ["saas_manager_portal", "saas_manager_captcha", "saas_manager_signup"])
def test_a_module_of_others_that_depends_on_an_old_name_is_refused(master: Master, tmp_path, dependency: str):
    for name, depends in (("ours", ["base", dependency]), ("not_installed", ["saas_manager_portal"])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__manifest__.py").write_text(f"# ours\n{{'depends': {depends!r}}}\n")
    master.subject.odoo.find_module = lambda name, _extra: tmp_path / name if name == "ours" else None
    module(master, "ours")
    module(master, "not_installed", "uninstalled")
    if dependency == "saas_manager_signup":
        _check_dependencies(master.subject)
        return
    with pytest.raises(ModuleRenamed, match=f"'ours' depends on '{dependency}'") as refusal:
        _check_dependencies(master.subject)
    assert "saas_manager_signup" in refusal.value.remedy
