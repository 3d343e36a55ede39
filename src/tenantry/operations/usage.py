"""Measure what instances use, by SQL from outside: it works without their help."""

from __future__ import annotations

import logging
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import resources

from tenantry.errors import TenantryError
from tenantry.model.usage import Usage
from tenantry.operations.context import Context
from tenantry.operations.instances import find_instance
from tenantry.postgres.cluster import Connection, translated

_logger = logging.getLogger(__name__)

_AT_ONCE = 4
_LAST_DEVICE = "SELECT max(last_activity) FROM res_device_log"


def usage(context: Context, name: str) -> Usage:
    """Raises InstanceNotFound, PostgresFailure."""
    with context.maintenance() as connection:
        find_instance(connection, name)
    return _measure(context, name)


def usages(context: Context, names: Collection[str]) -> dict[str, Usage]:
    """Of many instances, a few at a time; one that cannot be measured is logged and left out."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="usage") as pool:
        measured = pool.map(lambda name: (name, _measure_or_log(context, name)), names)
        return {name: found for name, found in measured if found}


def _measure_or_log(context: Context, name: str) -> Usage | None:
    try:
        return _measure(context, name)
    except TenantryError as error:
        _logger.warning("the usage of %s is not known: %s", name, error)
        return None


def _measure(context: Context, name: str) -> Usage:
    with context.as_tenant(name) as inside, translated(inside, "measure the usage"):
        query = (resources.files("tenantry.odoo") / "usage.sql").read_bytes()
        row = inside.execute(query).fetchone()
        assert row
        users, storage_bytes, last_login = row
        moments = [moment for moment in (last_login, _last_request(inside)) if moment]
    return Usage(users, storage_bytes, _iso(max(moments)) if moments else "")


def _last_request(inside: Connection) -> datetime | None:
    """When a browser was last seen, which Odoo notes since 18.0."""
    known = inside.execute("SELECT to_regclass('res_device_log')").fetchone()
    row = inside.execute(_LAST_DEVICE).fetchone() if known and known[0] else None
    return row[0] if row else None


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat(timespec="seconds")
