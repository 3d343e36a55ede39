"""What an engine is made of: each part is found, read or made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

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


def say_nothing(line: str) -> None:
    """The listener of who does not listen."""


class Parts:
    """Those of one server.

    report: told in a line each what was found and why, and what is being fetched or started.
    """

    def __init__(self, settings: ServerSettings | None = None, report: Report = say_nothing) -> None:
        """settings: by default those of the environment, see `ServerSettings.from_environment`.

        Raises InvalidSetting.
        """
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
        return self._make_runtime(self.settings, self._keys, lambda: self.odoo, lambda: self.context.cluster)

    @property
    def context(self) -> Context:
        """What operations work with. Raises ClusterTaken; PostgresUnreachable if the cluster does not run."""
        return Context(
            settings=self.settings,
            keys=self._keys,
            cluster=self._embedded.cluster() if self._embedded else self._given_cluster,
            filestores=Filestores(self.settings.data_dir / "filestore"),
            runtime=self.runtime,
            odoo=lambda: self.odoo,
        )

    @cached_property
    def _keys(self) -> Keys:
        """All that makes files needs them first: the folders of those are made here, too."""
        for folder in self.settings.private_dirs:
            private_folder(folder)
        keys = installation_keys(self.settings.installation.secrets_dir)
        return keys if self.is_own else keys.of_server(self.settings.name)

    @cached_property
    def _embedded(self) -> EmbeddedCluster | None:
        if self.settings.pg_dsn:
            return None
        binaries = find_binaries(self.settings, self._report)
        return EmbeddedCluster.of(self.settings, binaries, self._keys.roles)

    @property
    def _given_cluster(self) -> Cluster:
        """Once it is known to be no other server's: roles and databases have the same names there.

        It is asked until it has our mark, so an engine that lives long asks once. Raises ClusterTaken.
        """
        assert self.settings.pg_dsn
        cluster = Cluster.from_dsn(self.settings.pg_dsn)
        if not self._is_marked:
            with cluster.connect() as connection:
                self._is_marked = ownership.require(cluster, connection, self._owner)
        return cluster

    @property
    def _owner(self) -> Owner:
        return Owner(self.settings.name, self._keys.roles)


class Noun:
    """What an engine can do with one kind of thing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def _context(self) -> Context:
        """Raises PostgresUnreachable."""
        return self._parts.context
