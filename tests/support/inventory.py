"""Everything in the cluster and on the disk, and the remains among it that belong to nothing."""

from __future__ import annotations

from tenantry.model import names
from tenantry.model.catalog import Kind, State
from tenantry.operations.context import Context
from tenantry.postgres import databases, roles
from tests.support.master import UNUSED_MASTER

_CLUSTER = {"postgres", "template0", "template1", databases.BASE, names.MASTER_DATABASE, UNUSED_MASTER}
_SETTLED = {State.READY, State.ACTIVE, State.STOPPED, State.SUSPENDED, State.MOVED}


def orphans(context: Context) -> list[str]:
    """Everything that is half-made or belongs to nothing, in words; [] when all is well."""
    with context.maintenance() as connection:
        found = [databases.find(connection, name) for name in databases.names(connection) - _CLUSTER]
        ours = roles.ours(connection) - names.INFRASTRUCTURE_ROLES
    labelled = {d.name: d.label for d in found if d and d.label}
    zygotes = {name for name, label in labelled.items() if label.kind is Kind.ZYGOTE}
    with_role = {name for name, label in labelled.items() if label.kind is not Kind.TEMPLATE}
    folders = {d.filestore for d in found if d and d.label} - zygotes
    return [
        *(f"database {d.name} has no label" for d in found if d and not d.label),
        *(f"database {n} is {label.state}" for n, label in labelled.items() if label.state not in _SETTLED),
        *(f"database {n} is called retired or building" for n in labelled if "__" in n),
        *(f"database {n} was cloned and never named" for n in labelled if n.startswith("clone_")),
        *(f"database {name} has no role" for name in sorted(with_role - ours)),
        *(f"role {name} has no database" for name in sorted(ours - with_role)),
        *(f"filestore {name} has no database" for name in sorted(context.filestores.names() - folders)),
        *(f"database {name} has no filestore" for name in sorted(folders - context.filestores.names())),
    ]
