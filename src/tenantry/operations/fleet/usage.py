"""Measure what instances use, by SQL from outside, without their own processes."""

from __future__ import annotations

import logging
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tenantry.agreed import INTERNAL_USERS
from tenantry.errors import TenantryError
from tenantry.model.usage import Usage
from tenantry.operations.context import Context
from tenantry.operations.inventory import find_instance
from tenantry.postgres import databases
from tenantry.postgres.cluster import Connection, translated

_logger = logging.getLogger(__name__)

_AT_ONCE = 4
_USERS = f"{INTERNAL_USERS} SELECT count(*) FROM internal_user WHERE active"
_LAST_LOGIN = "SELECT max(create_date)::timestamp FROM res_users_log"
_LAST_DEVICE = "SELECT max(last_activity)::timestamp FROM res_device_log"
_HAS_DEVICES = "SELECT to_regclass('res_device_log') IS NOT NULL"


def usage(context: Context, name: str) -> Usage:
    """Raises InstanceNotFound, Tampered."""
    return _measure(context, name)


def usages(context: Context, names: Collection[str]) -> dict[str, Usage]:
    """Measure many instances, a few at a time; one that cannot be measured is logged and left out."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="usage") as pool:
        measured = pool.map(lambda name: (name, _measure_or_log(context, name)), names)
        return {name: found for name, found in measured if found}


def _measure_or_log(context: Context, name: str) -> Usage | None:
    try:
        return _measure(context, name)
    except TenantryError as error:
        _logger.warning("the usage of %s is not known: %s", name, error)
    except Exception:  # any error of one instance: the others are measured all the same
        _logger.exception("the usage of %s is not known", name)
    return None


def _measure(context: Context, name: str) -> Usage:
    """Measure one instance. The tenant can forge its users and times, but not its sizes."""
    with context.maintenance() as connection:
        find_instance(connection, name)
    with context.as_tenant(name) as inside, translated(inside, "measure the usage"):
        users = internal_users(inside)
        moments = [moment for moment in map(partial(_value, inside), _moments(inside)) if moment]
    latest = datetime.now(UTC).replace(tzinfo=None)
    moments = [moment for moment in moments if moment <= latest]
    database_bytes, files_bytes = _sizes_bytes(context, name)
    last = _iso(max(moments)) if moments else ""
    return Usage(users, database_bytes + files_bytes, last, files_bytes)


def internal_users(inside: Connection) -> int:
    """The number of active internal users: by their type, or by a group that makes them internal users."""
    return int(_value(inside, _USERS))


def _value(inside: Connection, query: str) -> Any:
    row = inside.execute(query.encode()).fetchone()
    return row[0] if row else None


def _moments(inside: Connection) -> list[str]:
    """The queries for the last login, and for a browser's last activity, which Odoo stores since 18.0."""
    return [_LAST_LOGIN, _LAST_DEVICE] if _value(inside, _HAS_DEVICES) else [_LAST_LOGIN]


def _sizes_bytes(context: Context, name: str) -> tuple[int, int]:
    """The sizes of the database and of all files in its folder."""
    with context.maintenance() as connection:
        folder = find_instance(connection, name).filestore or name
        sizes = databases.sizes_bytes(connection, name)
    return sizes.get(name, 0), context.filestores.size_bytes(folder)


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat(timespec="seconds")
