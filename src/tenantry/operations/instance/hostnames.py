"""The extra host names of an instance that lives already."""

from __future__ import annotations

from collections.abc import Collection

from tenantry.model import names
from tenantry.model.catalog import Database
from tenantry.model.instance import Instance
from tenantry.model.states import Action, after
from tenantry.operations.context import Context, relabel
from tenantry.operations.instance.availability import check_hostnames, held
from tenantry.operations.inventory import describe, find_instance


def set_hostnames(context: Context, name: str, hostnames: Collection[str]) -> Instance:
    """Let it answer at exactly these besides its own address; the very next request sees it.

    Raises InstanceNotFound, InvalidTransition, InvalidValue, NameTaken, Busy.
    """
    wanted = tuple(dict.fromkeys(names.hostname(hostname) for hostname in hostnames))
    with context.maintenance() as connection, held(connection, [name], wanted):
        label = find_instance(connection, name)
        after(name, label.state, Action.SET_DOMAINS)
        check_hostnames(context, connection, name, wanted)
        changed = label.having(hostnames=wanted)
        relabel(context, connection, name, changed)
        return describe(context, Database(name, changed))
