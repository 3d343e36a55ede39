"""Which server a cluster belongs to, recorded in the cluster itself: addresses can be spelled differently.

The mark is in the comment of the role `tenantry_dump`, as `SERVER@INSTALLATION`; each start ensures it. Older
versions made no mark: there the roles' passwords decide, which only the installation's keys give.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from tenantry.errors import ClusterTaken, PostgresUnreachable, RoleNotAdministered
from tenantry.model.keys import infrastructure_password, owner_mark
from tenantry.model.names import DUMP_ROLE, LOCAL_SERVER, MASTER_DATABASE, SPAWNER_ROLE
from tenantry.model.secret import Secret
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import Cluster, Connection

FREE = "free"
"""The note that an operator writes to hand the cluster over: the next server that starts has it."""
_WITH_PASSWORDS = (SPAWNER_ROLE, MASTER_DATABASE)
"""They may connect to the database `postgres`, wherever an older version started."""
_WAIT_S = 30


@dataclass(frozen=True)
class Owner:
    """A server that a cluster may belong to. key: Keys.roles; None while it was never started."""

    server: str
    key: Secret | None

    @property
    def mark(self) -> str:
        return owner_mark(self.key, self.server) if self.key else ""


def claim(cluster: Cluster, connection: Connection, owner: Owner, *, is_embedded: bool = False) -> None:
    """Mark the cluster as that server's, unless it is already.

    is_embedded: it is in the server's own folder, so nobody else's mark counts. Raises ClusterTaken before
    anything is changed, ForeignRole, RoleNotAdministered, Busy.
    """
    with locks.exclusive(connection, "cluster", wait_s=_WAIT_S):
        if not is_embedded:
            require(cluster, connection, owner)
        roles.create(connection, DUMP_ROLE)
        if _note(connection) != owner.mark:
            _mark(connection, owner)


def require(cluster: Cluster, connection: Connection, owner: Owner) -> bool:
    """Whether the cluster is marked as that server's; if not, it may be claimed.

    Raises ClusterTaken when it is another server's, PostgresUnreachable.
    """
    found = _note(connection)
    if not found:
        _require_unmarked(cluster, connection, owner)
    elif found not in (owner.mark, FREE):
        server, _at, installation = found.partition("@")
        is_same = installation == owner.mark.partition("@")[2]
        raise ClusterTaken(cluster.address, server, "this" if is_same else "another")
    return bool(found) and found == owner.mark


def _require_unmarked(cluster: Cluster, connection: Connection, owner: Owner) -> None:
    for role in _WITH_PASSWORDS:
        if roles.is_ours(connection, role) and not _has_our_password(cluster, role, owner.key):
            raise ClusterTaken(cluster.address, "", "another")
    if owner.server != LOCAL_SERVER and databases.find(connection, MASTER_DATABASE):
        raise ClusterTaken(cluster.address, LOCAL_SERVER, "this")


def _has_our_password(cluster: Cluster, role: str, key: Secret | None) -> bool:
    """Raises PostgresUnreachable when that cannot be known, as when pg_hba.conf refuses the role."""
    if key is None:
        return False
    try:
        with cluster.as_role(role, infrastructure_password(key, role)).connect():
            return True
    except PostgresUnreachable as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.Error) and cause.pgconn and cause.pgconn.used_password:
            return False
        raise


def _note(connection: Connection) -> str:
    return roles.note(connection, DUMP_ROLE) if roles.is_ours(connection, DUMP_ROLE) else ""


def _mark(connection: Connection, owner: Owner) -> None:
    if not roles.is_administered(connection, DUMP_ROLE):
        raise RoleNotAdministered(DUMP_ROLE, connection.info.user)
    roles.set_note(connection, DUMP_ROLE, owner.mark)
