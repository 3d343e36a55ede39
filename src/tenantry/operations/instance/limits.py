"""What the process of an instance that lives already may use."""

from __future__ import annotations

from collections.abc import Mapping

from tenantry.model.limits import checked
from tenantry.operations.context import Context, relabel
from tenantry.operations.inventory import find_instance
from tenantry.postgres import locks


def set_limits(context: Context, name: str, limits: Mapping[str, float]) -> None:
    """Allow exactly these, see `model.limits`, from the next time its process is woken.

    Raises InstanceNotFound, InvalidValue, Busy.
    """
    wanted = checked(limits)
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        label = find_instance(connection, name)
        if label.limits != wanted:
            relabel(context, connection, name, label.having(limits=wanted))
