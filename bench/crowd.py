"""Many sleeping tenants: databases with a label, a role, and the tables that the spawner reads.

They are made quickly, on a temporary cluster: nothing is synced to disk, and each database is a copy of an
empty one. They cannot be woken.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from psycopg import sql

from bench.figures import MeasurementFailed
from bench.installation import Installation
from tenantry.model.catalog import Kind, Label, State
from tenantry.postgres import databases, roles
from tenantry.postgres.notify import notify_spawner

_SOURCE = "crowd_source"
_AT_ONCE = 4
_BYTES_EACH = 9 * 2**20
_HAS_STRATEGIES = 150000
_TABLES = """
    CREATE TABLE ir_cron (id int, active boolean, nextcall timestamp);
    CREATE TABLE ir_cron_trigger (cron_id int, call_at timestamp);
    INSERT INTO ir_cron VALUES (1, true, now() + interval '300 days');
    GRANT SELECT ON ir_cron, ir_cron_trigger TO PUBLIC;
    CHECKPOINT
"""


def make_crowd(installation: Installation, count: int) -> list[str]:
    """So many; the spawner looks at each by itself. Raises MeasurementFailed when the disk is too full."""
    if shutil.disk_usage(installation.postgres_folder()).free < count * _BYTES_EACH:
        raise MeasurementFailed(f"{count} databases need {count * _BYTES_EACH / 2**30:.0f} GB of disk")
    superuser = installation.superuser()
    with superuser.connect() as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
        databases.create(connection, _SOURCE, Label(Kind.SPARE, State.BUILDING, template="crowd"))
    with superuser.connect(_SOURCE) as inside:
        for statement in _TABLES.split(";"):
            inside.execute(statement.encode())
    names = [f"crowd-{number:04d}" for number in range(count)]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(
            threads.map(lambda part: _make(installation, part), [names[n::_AT_ONCE] for n in range(_AT_ONCE)])
        )
    return names


def _make(installation: Installation, names: Sequence[str]) -> None:
    context = installation.engine.context
    label = Label(Kind.INSTANCE, State.ACTIVE, template="crowd", version="1")
    with installation.superuser().connect() as connection:
        has_strategies = connection.info.server_version >= _HAS_STRATEGIES
        how = sql.SQL(" STRATEGY FILE_COPY" if has_strategies else "")
        for name in names:
            databases.clone(connection, _SOURCE, name, how, label)
            roles.create(connection, name, context.role_password(name))
            databases.grant_connect(connection, name, name)
            notify_spawner(connection, name)
