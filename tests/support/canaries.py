"""Canaries: marks in all data that a template must not pass on. A mark in a clone is a leak."""

from __future__ import annotations

import re

from psycopg import sql

from tenantry.postgres.cluster import Connection

MARK = "canary-"
SECRET = re.compile(r"passw|secret|token|api_?key|uuid|totp|vapid|webhook|signup_type")
"""Names of columns with a secret or an identity."""
EMPTIED = (
    "auth_passkey_key",
    "auth_totp_device",
    "bus_bus",
    "change_password_own",
    "fetchmail_server",
    "iap_account",
    "ir_logging",
    "ir_mail_server",
    "mail_mail",
    "mail_push_device",
    "payment_token",
    "res_config_settings",
    "res_device_log",
    "res_users_apikeys",
    "sms_sms",
)
"""Tables of which nothing is passed on: one row is put in each."""
PARAMETERS = (
    "database.secret",
    "database.uuid",
    "database.enterprise_code",
    "mail.web_push_vapid_private_key",
    "mail.twilio_account_token",
    "mail.sfu_server_key",
)
_COLUMNS = """
    SELECT c.table_name, c.column_name, c.data_type, c.character_maximum_length,
           c.is_nullable = 'NO' AND c.column_default IS NULL,
           (SELECT f.confrelid::regclass::text
              FROM pg_constraint f JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
             WHERE f.contype = 'f' AND f.conrelid = format('%I', c.table_name)::regclass
               AND a.attname = c.column_name)
      FROM information_schema.columns c
      JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.column_name <> 'id'
"""
_TEXTS = ("text", "character varying")
_FILLINGS = {"boolean": "false", "date": "now()", "timestamp without time zone": "now()", "jsonb": "'{}'"}


def plant(inside: Connection) -> set[str]:
    """Put a mark in each place; return the places, as `table.column`."""
    columns = inside.execute(_COLUMNS.encode()).fetchall()
    for table in EMPTIED:
        _insert(inside, table, [column for column in columns if column[0] == table])
    for table, column, kind, _length, _required, _target in columns:
        if kind in _TEXTS and SECRET.search(column):
            _mark(inside, table, column)
    for key in PARAMETERS:
        inside.execute(
            "INSERT INTO ir_config_parameter (key, value) VALUES (%s, %s)"
            "  ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
            [key, f"{MARK}{key}"],
        )
    return marked(inside)


def marked(inside: Connection) -> set[str]:
    """The places that hold a mark."""
    found: set[str] = set()
    for table, column, *_rest in inside.execute(_COLUMNS.encode()).fetchall():
        query = sql.SQL("SELECT 1 FROM {} WHERE {}::text LIKE %s LIMIT 1")
        query = query.format(sql.Identifier(table), sql.Identifier(column))
        if inside.execute(query, [f"%{MARK}%"]).fetchone():
            found.add(f"{table}.{column}")
    return found


def _mark(inside: Connection, table: str, column: str) -> None:
    statement = sql.SQL("UPDATE {} SET {} = %s || ctid::text")
    statement = statement.format(sql.Identifier(table), sql.Identifier(column))
    inside.execute(statement, [f"{MARK}{table}-{column}-"])


def _insert(inside: Connection, table: str, columns: list[tuple]) -> None:
    assert columns, f"the template has no table {table}"
    values: dict[str, sql.Composable] = {}
    for _table, column, kind, length, is_required, target in columns:
        if kind in _TEXTS:
            values[column] = sql.Literal(f"{MARK}{table}-{column}"[:length])
        elif is_required and target:
            values[column] = sql.SQL("(SELECT min(id) FROM {})").format(sql.SQL(target))
        elif is_required:
            values[column] = sql.SQL(_FILLINGS.get(kind, "1"))
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(values.values()),
    )
    inside.execute(statement)
