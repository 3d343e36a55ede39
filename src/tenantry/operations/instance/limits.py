"""Change the limits of an existing instance's process."""

from __future__ import annotations

from collections.abc import Mapping

from tenantry.model.limits import checked
from tenantry.operations.context import Context, relabel
from tenantry.operations.inventory import find_here
from tenantry.postgres import locks


def set_limits(context: Context, name: str, limits: Mapping[str, float]) -> None:
    """Replace the limits, see `model.limits`. They hold from the next wake of its process.

    Raises InstanceNotFound, InvalidTransition, InvalidValue, Busy.
    """
    wanted = checked(limits)
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        label = find_here(connection, name)
        if label.limits != wanted:
            relabel(context, connection, name, label.having(limits=wanted))
