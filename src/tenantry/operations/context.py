"""What every operation works with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tenantry.model.catalog import Database, Kind, Label
from tenantry.model.keys import Keys
from tenantry.model.secret import Secret
from tenantry.odoo.filestore import Filestores
from tenantry.odoo.installation import OdooInstallation
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import Cluster, Connection
from tenantry.runtimes.shared import SharedRuntime, announce
from tenantry.settings import Settings


@dataclass(frozen=True)
class Context:
    """One installation: its settings, its cluster as the engine's role, its files, its runtime.

    odoo: finds Odoo when it is first needed.
    """

    settings: Settings
    keys: Keys
    cluster: Cluster
    filestores: Filestores
    runtime: SharedRuntime
    odoo: Callable[[], OdooInstallation]

    @property
    def clones_at_once(self) -> int:
        """A clone keeps one core busy, and Odoo needs the others."""
        return max(1, (os.cpu_count() or 1) // 2)

    def role_password(self, role: str) -> Secret:
        return self.keys.role_password(role)

    @contextmanager
    def maintenance(self) -> Iterator[Connection]:
        """A connection that owns databases and holds locks, for one operation."""
        with self.cluster.connect() as connection:
            yield connection

    @contextmanager
    def as_tenant(self, name: str) -> Iterator[Connection]:
        """A connection to an instance's database that can do no more than the tenant himself.

        What he put there, a trigger or a view, would else run with the engine's rights.
        """
        inside = self._open_as_tenant(name)
        try:
            yield inside
        finally:
            inside.close()

    def _open_as_tenant(self, name: str) -> Connection:
        """The role of an instance that must not run cannot log in, but for this one moment."""
        tenant = self.cluster.as_role(name, self.role_password(name))
        with self.maintenance() as connection:
            if roles.may_log_in(connection, name):
                return tenant.open(name)
            try:
                roles.let_log_in(connection, name, self.role_password(name))
                return tenant.open(name)
            finally:
                roles.lock_out(connection, name)


def relabel(context: Context, connection: Connection, name: str, label: Label) -> None:
    """Write a database's label, and have the spawner do what it says: it is so when this returns."""
    with databases.transaction(connection):
        databases.label(connection, name, label)
        announce(connection, name)
    context.runtime.look([name])


def find_labelled(connection: Connection, name: str, kind: Kind) -> Database | None:
    """The database of that name if it is one of ours and of that kind."""
    database = databases.find(connection, name)
    return database if database and database.label and database.label.kind is kind else None
