"""Whose a cluster is: one server's, as PostgreSQL itself says, by whatever address it is reached.

The mark is a note at the role `tenantry_dump`, which every start makes sure of: `SERVER@INSTALLATION`.
"""

from __future__ import annotations

from tenantry.errors import ClusterTaken
from tenantry.model.names import DUMP_ROLE
from tenantry.postgres import locks, roles
from tenantry.postgres.cluster import Connection

_WAIT_S = 30


def claim(connection: Connection, owner: str, *, is_own: bool = False) -> None:
    """Mark the cluster as that server's, unless it is already. owner: see `Keys.owner`.

    is_own: it is in the server's own folder, so nobody else's mark counts. Raises ClusterTaken before
    anything is changed, ForeignRole, Busy.
    """
    with locks.exclusive(connection, "cluster", wait_s=_WAIT_S):
        if not is_own:
            require(connection, owner)
        roles.create(connection, DUMP_ROLE)
        if _marked(connection) != owner:
            roles.set_note(connection, DUMP_ROLE, owner)


def require(connection: Connection, owner: str) -> None:
    """Raise ClusterTaken when it is another server's; one without a mark is nobody's yet.

    owner: "" for a server that has no keys yet.
    """
    found = _marked(connection)
    if found and found != owner:
        server, _at, installation = found.partition("@")
        is_same = installation == owner.partition("@")[2]
        address = f"{connection.info.host}:{connection.info.port}"
        raise ClusterTaken(address, server, "this" if is_same else "another")


def _marked(connection: Connection) -> str:
    return roles.note(connection, DUMP_ROLE) if roles.is_ours(connection, DUMP_ROLE) else ""
