"""The spawner reads changed labels, also after a restart of PostgreSQL."""

from __future__ import annotations

import select
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from tests.support.waiting import wait_until

from tenantry.engine import Engine
from tenantry.model.catalog import Kind, Label, State
from tenantry.postgres.cluster import Connection
from tenantry.spawner.catalog import CHANNEL, Catalog

ACTIVE = Label(Kind.INSTANCE, State.ACTIVE)
SUSPENDED = ACTIVE.having(state=State.SUSPENDED)
_NAMES = ("known-acme", "known-beta")


@pytest.fixture
def connection(cluster_engine: Engine) -> Iterator[Connection]:
    with cluster_engine.context.cluster.connect() as connection:
        for name in _NAMES:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            write(connection, name, ACTIVE)
        yield connection
        for name in _NAMES:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


@pytest.fixture
def catalog(cluster_engine: Engine, connection: Connection) -> Iterator[Catalog]:
    cluster = cluster_engine.context.cluster
    assert cluster.password
    address = {key: value for key, value in cluster.parameters.items() if key != "user"}
    catalog = Catalog(address, cluster.user, cluster.password.reveal())
    catalog.poll()
    yield catalog
    catalog.forget_connection()


def write(connection: Connection, name: str, label: Label) -> None:
    comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
    connection.execute(comment.format(sql.Identifier(name), sql.Literal(label.to_comment())))
    connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, name])


def cut_off(connection: Connection) -> None:
    """Cut the connection, as a restart does."""
    query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"
    assert connection.execute(query, ["tenantry-spawner"]).fetchall() == [(True,)]


def is_readable(catalog: Catalog) -> bool:
    """Wait for the notification: PostgreSQL sends it a moment after the commit."""
    return bool(select.select([catalog], [], [], 0)[0])


def states(catalog: Catalog) -> list[State]:
    return [catalog.entries[name].label.state for name in _NAMES]


def test_a_notified_database_is_read(catalog: Catalog, connection: Connection):
    write(connection, "known-acme", SUSPENDED)
    wait_until(lambda: is_readable(catalog))
    assert set(catalog.poll()) == {"known-acme"}
    assert states(catalog) == [State.SUSPENDED, State.ACTIVE]


def test_a_notification_during_the_query_of_another_database_is_read(
    catalog: Catalog, connection: Connection
):
    write(connection, "known-acme", SUSPENDED)
    wait_until(lambda: is_readable(catalog))
    assert set(catalog.read(["known-beta"])) == {"known-acme"}
    assert states(catalog) == [State.SUSPENDED, State.ACTIVE]


@pytest.mark.parametrize("asked_for", [["known-acme"], ["known-beta"], []])
def test_the_first_query_after_a_restart_reads_all_databases(
    catalog: Catalog, connection: Connection, asked_for: list[str]
):
    cut_off(connection)
    for name in _NAMES:
        write(connection, name, SUSPENDED)
    with pytest.raises(psycopg.Error):
        catalog.read(asked_for)
    catalog.forget_connection()
    assert set(catalog.read(asked_for)) == set(_NAMES)
    assert states(catalog) == [State.SUSPENDED, State.SUSPENDED]
