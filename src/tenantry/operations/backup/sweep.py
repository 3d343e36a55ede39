"""Remove data that was kept long enough after a restore, and stop copies that have expired."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator

from tenantry.errors import TenantryError
from tenantry.model import names
from tenantry.model.catalog import Database, Kind, State
from tenantry.model.kept import Kept, Swept
from tenantry.operations.context import Context
from tenantry.operations.instance.duplicate import remove_passing_stores
from tenantry.operations.instance.kept import drop_kept
from tenantry.operations.instance.lifecycle import operate
from tenantry.operations.inventory import moment
from tenantry.postgres import databases, locks

_logger = logging.getLogger(__name__)

_DAY_S = 24 * 3600


def all_kept(context: Context) -> list[Kept]:
    """The kept data of all instances, by name."""
    with context.maintenance() as connection:
        return [_kept(context, found) for found in databases.listing(connection, Kind.KEPT)]


def _kept(context: Context, found: Database) -> Kept:
    assert found.label
    label, until = found.label, _until(context, found)
    name = found.name.removeprefix(names.KEPT_PREFIX)
    return Kept(name, label.restored_from, moment(label.kept_at), moment(until) if until else "")


def _until(context: Context, found: Database) -> float:
    """When it is removed; 0: not before somebody confirms the restore."""
    assert found.label
    days = context.settings.kept_days
    return found.label.kept_at + days * _DAY_S if days else 0


def sweep(context: Context) -> Swept:
    """Run it once a day. What cannot be done now is left for the next time, such as during an operation."""
    with context.maintenance() as connection:
        listed = databases.listing(connection, Kind.KEPT, Kind.INSTANCE)
    now = time.time()
    kept = [it for it in listed if it.label and it.label.kind is Kind.KEPT]
    instances = [it for it in listed if it.label and it.label.kind is Kind.INSTANCE]
    old = (it.name.removeprefix(names.KEPT_PREFIX) for it in kept if 0 < _until(context, it) < now)
    expired = (it.name for it in instances if _has_expired(it, now))
    remove_passing_stores(context)
    return Swept(
        removed=tuple(_each(old, lambda name: _remove(context, name))),
        stopped=tuple(_each(expired, lambda name: operate(context, name, "stop"))),
    )


def _has_expired(found: Database, now: float) -> bool:
    label = found.label
    return bool(label and label.state is State.ACTIVE and 0 < label.expires_at < now)


def _remove(context: Context, name: str) -> None:
    """Remove the kept data of an instance, which may have moved away or be half terminated."""
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        found = databases.find(connection, name)
        if not (found and found.label and found.label.swap):
            drop_kept(context, connection, name)


def _each(names_: Iterable[str], work: Callable[[str], object]) -> Iterator[str]:
    """Do the work for each; yield those for which it was done."""
    for name in names_:
        try:
            work(name)
        except TenantryError as error:
            _logger.warning("%s is left for the next time: %s", name, error)
        else:
            yield name
