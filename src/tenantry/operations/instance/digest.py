"""What is in an instance's database, as a hash of each table: whether a copy is the same."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from tenantry.operations.context import Context
from tenantry.postgres.cluster import Connection

_TABLES = """
    SELECT nspname, relname FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = relnamespace
     WHERE relkind IN ('r', 'p') AND relpersistence <> 't'
       AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
       AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
     ORDER BY 1, 2
"""
_SEQUENCES = """
    SELECT schemaname, sequencename, coalesce(last_value::text, '') FROM pg_catalog.pg_sequences ORDER BY 1, 2
"""
_OF_TABLE = """
    SELECT {label}, pg_catalog.count(*),
           coalesce(pg_catalog.sum(pg_catalog.hashtextextended(whole_row::text, 0)::numeric), 0)::text
      FROM ONLY {table} AS whole_row
"""
_AT_ONCE = 40
_WITHIN_S = 3600
_SAME_TEXT = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET extra_float_digits = 1"


def digest(context: Context, name: str) -> dict[str, str]:
    """For each table its number of rows and a hash of them, in any order; for each sequence its last value.

    It is read with the rights of the instance's own role, which cannot log in. Raises Tampered.
    """
    with context.as_locked_role(name, _WITHIN_S) as inside:
        inside.execute(_SAME_TEXT.encode())
        return dict(_tables(inside)) | dict(_sequences(inside))


def _tables(inside: Connection) -> Iterator[tuple[str, str]]:
    tables = inside.execute(_TABLES.encode()).fetchall()
    for start in range(0, len(tables), _AT_ONCE):
        some = tables[start : start + _AT_ONCE]
        query = sql.SQL(" UNION ALL ").join(_query(schema, table) for schema, table in some)
        for table, rows, content in inside.execute(query):
            yield table, f"{rows}:{content}"


def _query(schema: str, table: str) -> sql.Composed:
    return sql.SQL(_OF_TABLE).format(
        label=sql.Literal(f"{schema}.{table}"), table=sql.Identifier(schema, table)
    )


def _sequences(inside: Connection) -> Iterator[tuple[str, str]]:
    for schema, sequence, value in inside.execute(_SEQUENCES.encode()):
        yield f"{schema}.{sequence}", value
