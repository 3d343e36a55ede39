"""The parts of an engine: each is found, read or made at its first use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from tenantry.edge.front import Front
from tenantry.keyfile import installation_keys, private_folder
from tenantry.model.keys import Keys
from tenantry.model.names import LOCAL_SERVER
from tenantry.odoo.filestore import Filestores
from tenantry.odoo.finding.installation import OdooInstallation, find_odoo
from tenantry.operations.context import Context
from tenantry.postgres import ownership
from tenantry.postgres.binaries import find_binaries
from tenantry.postgres.cluster import Cluster
from tenantry.postgres.embedded import EmbeddedCluster
from tenantry.postgres.ownership import Owner
from tenantry.runtimes.contract import ServerRuntime
from tenantry.runtimes.kinds import kind_of
from tenantry.settings import ServerSettings

Report = Callable[[str], None]


def ignore_report(line: str) -> None:
    """The default report: it ignores all lines."""


class Parts:
    """The parts of one server.

    report: called with a line about each thing that is found, fetched or started.
    """

    def __init__(self, settings: ServerSettings | None = None, report: Report = ignore_report) -> None:
        """settings: by default, `ServerSettings.from_environment`. Raises InvalidSetting."""
        self.settings = settings or ServerSettings.from_environment()
        self._make_runtime = kind_of(self.settings)
        self._report = report
        self._is_marked = False

    @property
    def is_own(self) -> bool:
        """Whether this is the installation's own server, which holds the master's database."""
        return self.settings.name == LOCAL_SERVER

    @cached_property
    def odoo(self) -> OdooInstallation:
        """Raises OdooNotFound."""
        return find_odoo(self.settings, self._report)

    @cached_property
    def runtime(self) -> ServerRuntime:
        """Raises KeyLost."""
        front = Front(self.settings)
        return self._make_runtime(
            self.settings, self.keys, front, lambda: self.odoo, lambda: self.context.cluster
        )

    @property
    def context(self) -> Context:
        """The context of operations. Raises ClusterTaken; PostgresUnreachable if the cluster does not run."""
        return Context(
            settings=self.settings,
            keys=self.keys,
            cluster=self._embedded.cluster() if self._embedded else self._given_cluster,
            filestores=Filestores(self.settings.data_dir / "filestore"),
            runtime=self.runtime,
            odoo=lambda: self.odoo,
        )

    @cached_property
    def keys(self) -> Keys:
        """The keys. Private folders are made here, too: every part that writes files needs the keys first."""
        for folder in self.settings.private_dirs:
            private_folder(folder)
        keys = installation_keys(self.settings.installation.secrets_dir)
        return keys if self.is_own else keys.of_server(self.settings.name)

    @cached_property
    def _embedded(self) -> EmbeddedCluster | None:
        if self.settings.pg_dsn:
            return None
        binaries = find_binaries(self.settings, self._report)
        return EmbeddedCluster.of(self.settings, binaries, self.keys.roles)

    @property
    def _given_cluster(self) -> Cluster:
        """The given cluster, checked to belong to no other server, whose databases have the same names.

        Once the cluster has our mark, it is not checked again. Raises ClusterTaken.
        """
        assert self.settings.pg_dsn
        cluster = Cluster.from_dsn(self.settings.pg_dsn)
        if not self._is_marked:
            with cluster.connect() as connection:
                self._is_marked = ownership.require(cluster, connection, self._owner)
        return cluster

    @property
    def _owner(self) -> Owner:
        return Owner(self.settings.name, self.keys.roles)


class Noun:
    """The methods of an engine for one kind of object."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def _context(self) -> Context:
        """Raises PostgresUnreachable."""
        return self._parts.context
