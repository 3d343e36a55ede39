"""A template made without Odoo, for tests of the operations on templates and clones."""

from __future__ import annotations

from tenantry.model import names
from tenantry.model.catalog import Kind, Label, State
from tenantry.operations.context import Context
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import Connection

TABLES = """
    CREATE TABLE ir_module_module (name text, state text);
    CREATE TABLE res_partner (id serial PRIMARY KEY, name text);
    INSERT INTO res_partner (name) VALUES ('from the template');
    CREATE VIEW partners AS SELECT name FROM res_partner;
    CREATE FUNCTION count_partners() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM res_partner';
"""

MORE_TABLES = """
    CREATE TABLE ir_config_parameter (key text UNIQUE, value text, create_uid int, create_date timestamp,
                                      write_uid int, write_date timestamp);
    CREATE TABLE ir_cron (active boolean, nextcall timestamp, lastcall timestamp, failure_count int,
                          first_failure_date timestamp);
    CREATE TABLE ir_cron_progress (id int);
    CREATE TABLE ir_cron_trigger (call_at timestamp);
    CREATE TABLE ir_model_data (module text, name text, model text, res_id int);
    CREATE TABLE orm_signaling_default (id serial);
    CREATE TABLE orm_signaling_stable (id serial);
    CREATE TABLE res_country (id int, code text);
    CREATE TABLE res_groups_implied_rel (gid int, hid int);
    CREATE TABLE res_groups_users_rel (gid int, uid int);
    CREATE TABLE res_users (id int, active boolean, share boolean, login text);
    INSERT INTO res_country VALUES (1, 'FR');
"""
"""The tables that the scripts of a creation write to without any module."""


def make_template(context: Context, code: str, version: str = "1.0.0", tables: str = TABLES) -> None:
    """Make the database `template_<code>`, with one file, frozen and ready."""
    name, files = names.template_database(code), names.template_filestore(code, version)
    owner = names.TEMPLATE_OWNER
    with context.maintenance() as connection:
        discard(context, connection, name)
        roles.create(connection, owner, context.role_password(owner))
        label = Label(Kind.TEMPLATE, State.READY, code, version, "19.0", files)
        databases.create(connection, name, label.having(state=State.BUILDING))
        databases.grant_connect(connection, name, owner)
        with context.cluster.connect(name) as inside:
            roles.grant_create(inside, owner)
        with context.cluster.as_role(owner, context.role_password(owner)).connect(name) as inside:
            inside.execute(tables.encode())
        folder = context.filestores.folder(files) / "ab"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "abcdef").write_text("a file of the template")
        freeze(connection, name, label)


def freeze(connection: Connection, name: str, label: Label) -> None:
    databases.freeze(connection, name)
    databases.label(connection, name, label)
