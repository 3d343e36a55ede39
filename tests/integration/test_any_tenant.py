"""Whatever a tenant has in its database and its files, a backup gives it back."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from psycopg import sql
from psycopg.types.json import Jsonb
from tests.support.backed_up import attach, backed_up, without_odoo
from tests.support.travelling import content_of, schema_and_rows

from tenantry.engine import Engine
from tenantry.model.backup import ProofState
from tenantry.operations.context import Context
from tenantry.operations.template.clone import discard
from tenantry.postgres.cluster import Connection

_EXAMPLES = 5
_BIG = 200_000

_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
_values: dict[str, SearchStrategy[Any]] = {
    "text": _texts | st.sampled_from(["", "\\N", "\\.", "é", "x" * _BIG]),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False, places=5),
    "double precision": st.floats(),
    "boolean": st.booleans(),
    "bytea": st.binary(max_size=60),
    "timestamptz": st.datetimes(datetime.datetime(1900, 1, 1), timezones=st.just(datetime.UTC)),
    "date": st.dates(),
    "jsonb": st.recursive(st.none() | st.booleans() | st.integers() | _texts, st.lists, max_leaves=5).map(
        Jsonb
    ),
    "text[]": st.lists(_texts | st.none(), max_size=4),
    "int[]": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
}
_identifiers = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12
).map(lambda text: f"x{text}")


@dataclass(frozen=True)
class Table:
    name: str
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    next_id: int


@st.composite
def _tables(draw: st.DrawFn) -> Table:
    types = draw(st.lists(st.sampled_from(sorted(_values)), min_size=1, max_size=5))
    row = st.tuples(*(_values[kind] | st.none() for kind in types))
    return Table(
        draw(_identifiers),
        tuple(types),
        tuple(draw(st.lists(row, max_size=6))),
        draw(st.integers(1, 2**31 - 1)),
    )


_tenants = st.lists(_tables(), max_size=4, unique_by=lambda table: table.name)


def create(inside: Connection, table: Table) -> None:
    name = sql.SQL(sql.Identifier(table.name).as_string(inside).replace("%", "%%"))
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(f"column {number}"), sql.SQL(kind))
        for number, kind in enumerate(table.types)
    ]
    listed = sql.SQL(", ").join([sql.SQL("id serial PRIMARY KEY"), *columns])
    inside.execute(sql.SQL("CREATE TABLE {} ({})").format(name, listed), [])
    for row in table.rows:
        values = sql.SQL(", ").join(sql.Placeholder() for _ in row)
        inside.execute(sql.SQL("INSERT INTO {} VALUES (DEFAULT, {})").format(name, values), row)
    sequence = "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)"
    inside.execute(sequence, [sql.Identifier(table.name).as_string(inside), table.next_id])


def drop_all(inside: Connection) -> None:
    """Drop the tables of the example before."""
    found = inside.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'x%'")
    for (name,) in found.fetchall():
        inside.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def engine(cluster_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    store = tmp_path_factory.mktemp("store")
    engine = Engine(cluster_engine.settings.replaced(backup_store=str(store)))
    with backed_up(engine.context), pytest.MonkeyPatch.context() as patched:
        without_odoo(patched)
        yield engine


@example(tables=[Table('x\x1e\x85\u2028"\r\n.%s', ("text",), (("a\x1e\r\n\tb",),), 1)], files=[b""])
@settings(max_examples=_EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True)
@given(tables=_tenants, files=st.lists(st.binary(max_size=2000), max_size=3))
def test_any_tenant_comes_back_as_it_was(engine: Engine, tables: list[Table], files: list[bytes]):
    context = engine.context
    with as_role(context) as inside:
        drop_all(inside)
        for table in tables:
            create(inside, table)
    for content in files:
        attach(context, content)
    backup = engine.backups.take("acme").backup
    proof = engine.backups.prove(backup)
    assert (proof.state, proof.detail) == (ProofState.PROVED, "")
    engine.archives.load(engine.settings.backups_url, backup, "beta")
    try:
        assert schema_and_rows(engine, "beta") == schema_and_rows(engine, "acme")
        assert content_of(engine, "beta") == content_of(engine, "acme")
    finally:
        with context.maintenance() as connection:
            discard(context, connection, "beta")


def as_role(context: Context) -> Any:
    return context.cluster.as_role("acme", context.role_password("acme")).connect("acme")
