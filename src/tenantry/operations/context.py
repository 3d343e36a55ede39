"""What every operation works with."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tenantry.errors import ProbeFailed
from tenantry.model.address import Address, subdomain_host
from tenantry.model.catalog import Label
from tenantry.model.keys import Keys
from tenantry.model.secret import Secret, random_key
from tenantry.odoo.filestore import Filestores
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.probe import Route, wait_for_status
from tenantry.postgres import bounded, databases, roles
from tenantry.postgres.cluster import Cluster, Connection
from tenantry.postgres.notify import notify_spawner
from tenantry.runtimes.contract import Runtime
from tenantry.settings import ServerSettings


@dataclass(frozen=True)
class Context:
    """One installation: its settings, its cluster as the engine's role, its files, its runtime.

    odoo: finds Odoo when it is first needed.
    """

    settings: ServerSettings
    keys: Keys
    cluster: Cluster
    filestores: Filestores
    runtime: Runtime
    odoo: Callable[[], OdooInstallation]

    @property
    def clones_at_once(self) -> int:
        """How many clones are made at the same time: each keeps one core busy, and Odoo needs the others."""
        return max(1, (os.cpu_count() or 1) // 2)

    def address(self, name: str, hostname: str = "") -> Address:
        """See `address_of`."""
        return address_of(self.settings, self.runtime, name, hostname)

    def route(self, name: str, hostname: str = "") -> Route:
        """The public address of an instance, and the upstream for it. Raises ServerNotStarted."""
        return Route(self.address(name, hostname), self.runtime.upstream(name))

    def expect(self, name: str, status: int) -> None:
        """Wait until an instance's address answers so. Raises ProbeFailed, ServerNotStarted."""
        try:
            wait_for_status(self.route(name), status, timeout_s=self.settings.probe_timeout_s)
        except ProbeFailed as error:
            known = self.runtime.activities([name])
            if obstacle := next((it.obstacle for it in known if it.obstacle), ""):
                answer = f"{error.answer}; {obstacle}"
                raise ProbeFailed(error.url, status, answer, error.waited_s) from error
            raise

    def role_password(self, role: str) -> Secret:
        return self.keys.role_password(role)

    @contextmanager
    def maintenance(self) -> Iterator[Connection]:
        """A connection that owns databases and holds locks, for one operation."""
        with self.cluster.connect() as connection:
            yield connection

    @contextmanager
    def as_tenant(self, name: str, within_s: float | None = None) -> Iterator[Connection]:
        """A connection to an instance's database with the rights of the tenant itself.

        With more rights, a trigger or a view of the tenant's would run with the engine's rights. Raises the
        errors of `bounded.connect`.
        """
        with self.maintenance() as connection:
            can_log_in = roles.can_log_in(connection, name)
        if can_log_in:
            with self.as_owner(name, name, within_s) as inside:
                yield inside
        else:
            with self.as_locked_role(name, within_s) as inside:
                yield inside

    @contextmanager
    def as_owner(self, database: str, role: str, within_s: float | None = None) -> Iterator[Connection]:
        """A connection to a database as the role that owns its objects. Raises as `bounded.connect`."""
        owner = self.cluster.as_role(role, self.role_password(role))
        with bounded.connect(owner, database, self.cluster, within_s) as inside:
            yield inside

    @contextmanager
    def as_locked_role(self, name: str, within_s: float | None = None) -> Iterator[Connection]:
        """A connection as a role that cannot log in: login is enabled only while we connect."""
        password = random_key()
        with contextlib.ExitStack() as stack:
            with self.maintenance() as connection:
                try:
                    roles.enable_login(connection, name, password)
                    owner = self.cluster.as_role(name, password)
                    inside = stack.enter_context(bounded.session(owner, name, self.cluster, within_s))
                finally:
                    roles.disable_login(connection, name)
            with inside.translated():
                yield inside.connection


def address_of(settings: ServerSettings, runtime: Runtime, name: str, hostname: str = "") -> Address:
    """Where visitors reach an instance: at its subdomain, or at one of its extra host names.

    Behind an HTTPS proxy the address has no port. Else it has the runtime's port, and ServerNotStarted is
    raised if the runtime was never started.
    """
    port = runtime.port if settings.protocol == "http" else 0
    return Address(settings.protocol, hostname or subdomain_host(name, settings.base_domain), port)


def relabel(context: Context, connection: Connection, name: str, label: Label) -> None:
    """Write a database's label, and wait until the runtime has applied it."""
    with databases.transaction(connection):
        databases.label(connection, name, label)
        notify_spawner(connection, name)
    context.runtime.follow([name])


def name_files(context: Context, connection: Connection, name: str) -> None:
    """Rename the folder of a database's files to the database's name, and clear `filestore` in the label."""
    found = databases.find(connection, name)
    assert found
    assert found.label
    if found.label.filestore and context.filestores.exists(found.label.filestore):
        context.filestores.rename(found.label.filestore, name)
    relabel(context, connection, name, found.label.having(filestore=""))
