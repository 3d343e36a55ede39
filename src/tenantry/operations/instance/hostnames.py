"""Change the extra host names of an existing instance."""

from __future__ import annotations

from collections.abc import Collection

from tenantry.model import names
from tenantry.model.catalog import Database
from tenantry.model.instance import Instance
from tenantry.model.states import Action, after
from tenantry.operations.context import Context, relabel
from tenantry.operations.instance.availability import check_hostnames, name_locks
from tenantry.operations.inventory import describe, find_instance


def set_hostnames(context: Context, name: str, hostnames: Collection[str]) -> Instance:
    """Set the host names at which an instance answers besides its own address, effective at once.

    Raises InstanceNotFound, InvalidTransition, InvalidValue, NameTaken, Busy.
    """
    wanted = tuple(dict.fromkeys(names.hostname(hostname) for hostname in hostnames))
    with context.maintenance() as connection, name_locks(connection, [name], wanted):
        label = find_instance(connection, name)
        after(name, label.state, Action.SET_DOMAINS)
        check_hostnames(context, connection, name, wanted)
        changed = label.having(hostnames=wanted)
        relabel(context, connection, name, changed)
        return describe(context, Database(name, changed))
