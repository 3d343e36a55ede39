"""The kinds of runtimes: one row each, by the name in a server's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from tenantry.errors import InvalidSetting, NotOnRailway
from tenantry.model.keys import Keys
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.postgres.cluster import Cluster
from tenantry.runtimes.contract import Front, ServerRuntime
from tenantry.runtimes.shared import SharedRuntime
from tenantry.runtimes.tenant_server import not_available
from tenantry.settings import DOCKER, RAILWAY, SHARED, ServerSettings


class Kind(Protocol):
    """Makes the runtime of a server.

    front: what visitors reach first, for a runtime that runs it. odoo, cluster: only needed to run commands.
    """

    def __call__(
        self,
        settings: ServerSettings,
        keys: Keys,
        front: Front,
        odoo: Callable[[], OdooInstallation] = ...,
        cluster: Callable[[], Cluster] = ...,
    ) -> ServerRuntime: ...


def _docker(
    settings: ServerSettings,
    keys: Keys,
    front: Front,
    odoo: Callable[[], OdooInstallation] = not_available,
    cluster: Callable[[], Cluster] = not_available,
) -> ServerRuntime:
    """Only a server that uses containers loads the client of their engine."""
    from tenantry.runtimes.docker import DockerRuntime

    return DockerRuntime(settings, keys, front, odoo, cluster)


def _railway(
    settings: ServerSettings,
    keys: Keys,
    front: Front,
    odoo: Callable[[], OdooInstallation] = not_available,
    cluster: Callable[[], Cluster] = not_available,
) -> ServerRuntime:
    """Railway runs them: there is nothing to ask or to tell. What can be done is in `operations.railway`."""
    raise NotOnRailway(settings.name)


KINDS: Mapping[str, Kind] = MappingProxyType({SHARED: SharedRuntime, DOCKER: _docker, RAILWAY: _railway})


def kind_of(settings: ServerSettings) -> Kind:
    """Raises InvalidSetting."""
    try:
        return KINDS[settings.runtime]
    except KeyError:
        name = f"runtime of server {settings.name}"
        raise InvalidSetting(name, settings.runtime, f"one of: {', '.join(KINDS)}") from None
