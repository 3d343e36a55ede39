"""How much is in an instance's database: a restored copy must have as much, see `operations.backup.prove`.

It is read with the tenant's own rights, and in one snapshot. Nothing that the tenant made in the database can
stop it: what cannot be counted is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg import sql

from tenantry.agreed import ENTITLEMENTS_PARAMETER
from tenantry.errors import TenantryError
from tenantry.postgres.cluster import Connection, is_alive, translated

_MAX_TABLES = 20_000
_TABLES = f"""
    SELECT nspname, relname FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = relnamespace
     WHERE relkind = 'r' AND relpersistence <> 't'
       AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
       AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
     ORDER BY 1, 2 LIMIT {_MAX_TABLES} + 1
"""
_COUNT = "SELECT {label}, pg_catalog.count(*) FROM ONLY {table}"
_ATTACHMENTS = "SELECT pg_catalog.count(*) FROM ONLY public.ir_attachment WHERE store_fname IS NOT NULL"
_POSTED = """
    SELECT pg_catalog.left(coalesce(pg_catalog.sum(debit), 0)::text, 60) FROM ONLY public.account_move_line
     WHERE parent_state = 'posted'
"""
_STATEMENT = f"""
    SELECT pg_catalog.left(value, 20000) FROM ONLY public.ir_config_parameter
     WHERE key = '{ENTITLEMENTS_PARAMETER}'
"""
_AT_ONCE = 40
_MAX_REASON = 200
_LEAST_S, _BYTES_PER_S = 300, 50_000_000
Table = tuple[str, str]
"""Its schema and its name."""
TABLES, ATTACHMENTS, POSTED, ENTITLEMENTS = "tables", "attachments", "posted", "entitlements"


@dataclass
class Contents:
    """rows: by table, as schema.table. attachments: the number of those with a file; None if it is unknown.

    posted: the sum of the posted journal items; "" without accounting. statement: the signed entitlements.
    uncounted: what is unknown, a table's name or one of the constants above, and why.
    """

    rows: dict[str, int] = field(default_factory=dict)
    attachments: int | None = None
    posted: str = ""
    statement: str = ""
    uncounted: dict[str, str] = field(default_factory=dict)

    def not_counted(self, what: Sequence[str], error: TenantryError | str) -> None:
        for one in what:
            self.uncounted.setdefault(one, str(error)[:_MAX_REASON])


def limit_s(size_bytes: int) -> float:
    """How long counting a database of that size may take: a tenant must not keep us busy."""
    return _LEAST_S + size_bytes / _BYTES_PER_S


def unknown(error: TenantryError) -> Contents:
    """What is said when nothing could be counted."""
    found = Contents()
    found.not_counted([TABLES, ATTACHMENTS, POSTED, ENTITLEMENTS], error)
    return found


def count_contents(inside: Connection, snapshot: str = "") -> Contents:
    """Count what is in the connected database. snapshot: an exported one; "": a new one.

    It fails only if the connection is lost at its beginning. Raises as `cluster.translated`.
    """
    found = Contents()
    with translated(inside, "begin to count"):
        inside.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if snapshot:
            inside.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
    tables = _tables(inside, found)
    _count_tables(inside, found, tables)
    if ("public", "ir_attachment") in tables:
        number = _value(inside, found, ATTACHMENTS, _ATTACHMENTS)
        found.attachments = int(number) if number.isdecimal() else None
    elif TABLES not in found.uncounted:
        found.attachments = 0
    if ("public", "account_move_line") in tables:
        found.posted = _value(inside, found, POSTED, _POSTED)
    if ("public", "ir_config_parameter") in tables:
        found.statement = _value(inside, found, ENTITLEMENTS, _STATEMENT)
    return found


@contextmanager
def _attempt(inside: Connection, action: str) -> Iterator[None]:
    """What fails here leaves the transaction usable, also if `translated` asks something that fails, too."""
    with inside.transaction(), translated(inside, action), inside.transaction():
        yield


def _tables(inside: Connection, found: Contents) -> list[Table]:
    try:
        with _attempt(inside, "list tables"):
            listed = inside.execute(_TABLES.encode()).fetchall()
    except TenantryError as error:
        found.not_counted([TABLES, ATTACHMENTS, POSTED], error)
        return []
    if len(listed) > _MAX_TABLES:
        found.not_counted([TABLES], f"there are more than {_MAX_TABLES}")
    return [(str(schema), str(table)) for schema, table in listed[:_MAX_TABLES]]


def _count_tables(inside: Connection, found: Contents, tables: Sequence[Table]) -> None:
    """Count some at once; if one of them cannot be counted, each by itself."""
    for start in range(0, len(tables), _AT_ONCE):
        some = tables[start : start + _AT_ONCE]
        try:
            found.rows.update(_counted(inside, some))
        except TenantryError as error:
            if not is_alive(inside):
                found.not_counted([_label(table) for table in tables[start:]], error)
                return
            for table in some:
                try:
                    found.rows.update(_counted(inside, [table]))
                except TenantryError as reason:
                    found.not_counted([_label(table)], reason)


def _label(table: Table) -> str:
    return ".".join(table)


def _counted(inside: Connection, tables: Sequence[Table]) -> Mapping[str, int]:
    queries = (
        sql.SQL(_COUNT).format(label=sql.Literal(_label(table)), table=sql.Identifier(*table))
        for table in tables
    )
    with _attempt(inside, "count rows"):
        return dict(inside.execute(sql.SQL(" UNION ALL ").join(queries)).fetchall())


def _value(inside: Connection, found: Contents, what: str, query: str) -> str:
    """The first row's value; "" if there is no row, or if it is unknown."""
    try:
        with _attempt(inside, f"count {what}"):
            row = inside.execute(query.encode()).fetchone()
    except TenantryError as error:
        found.not_counted([what], error)
        return ""
    return str(row[0]) if row else ""
