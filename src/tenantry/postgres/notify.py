"""NOTIFY: what other programs of ours are to look at again."""

from __future__ import annotations

from tenantry.postgres.cluster import Connection, translated
from tenantry.spawner.catalog import CHANNEL


def notify_spawner(connection: Connection, *names: str) -> None:
    """Tell the spawner which databases changed; in a transaction, once it is committed."""
    with translated(connection, "notify the spawner"):
        for name in names:
            connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, name])
