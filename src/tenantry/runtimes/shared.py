"""R1: a process for each tenant that is awake, forked by a zygote of the tenant's template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenantry import sandbox
from tenantry.agreed import PROCESS_MODULE, ZYGOTE_PROGRAM
from tenantry.odoo.config import tenant_limits, tenant_options
from tenantry.odoo.confined import ConfinedOdoo
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.initialise import OdooCommand
from tenantry.odoo.own_addons import tenant_addons, tenants_addons_path
from tenantry.odoo.view import odoo_folders
from tenantry.postgres import databases
from tenantry.postgres.cluster import Cluster
from tenantry.runtimes.tenant_server import VARIABLES, TenantServer
from tenantry.spawner import identity

_ZYGOTE_VARIABLES = {
    **VARIABLES,
    # A user id without an entry in passwd has no home and no name.
    **{"HOME": "/tmp", "LOGNAME": "odoo", "USER": "odoo"},
    # Each of glibc's arenas reserves 64 MB of the process's limit, and returns less memory.
    "MALLOC_ARENA_MAX": "2",
}


@dataclass(frozen=True)
class SharedRuntime(TenantServer):
    """Tenants' processes run on this machine, confined by their users, Landlock and control groups."""

    def _launcher_fields(self, odoo: OdooInstallation, cluster: Cluster) -> dict[str, Any]:
        """See `TenantServer._launcher_fields`."""
        code = odoo_folders(odoo, tenants_addons_path(self.settings))
        return {
            "zygote": tuple(self._zygote_command(odoo, code)),
            "zygote_environment": {**odoo.environment, **_ZYGOTE_VARIABLES},
            "options": tenant_options(self.settings, odoo, cluster),
            "readable": tuple(map(str, code)),
            "limits": tenant_limits(self.settings),
        }

    def _zygote_command(self, odoo: OdooInstallation, code: Sequence[Path]) -> list[str]:
        """When root starts it, it runs as a user of its own, which can only change its user and group."""
        filestores = self.settings.data_dir / "filestore"
        filestores.mkdir(parents=True, exist_ok=True)
        view = sandbox.View(
            readable=tuple(code),
            writable=(filestores,),
            user=identity.ZYGOTE if identity.is_root() else None,
            capabilities=("setuid", "setgid"),
        )
        program = tenant_addons(self.settings) / PROCESS_MODULE / ZYGOTE_PROGRAM
        return sandbox.command(view, [odoo.python, program])

    def run_odoo(self, name: str, command: OdooCommand) -> Path:
        """See `Runtime.run_odoo`: in a process of its own on this machine, beside the tenant's process."""
        cluster = self.cluster()
        with cluster.connect() as connection:
            user = self.user_of(databases.oid(connection, name))
        owner = cluster.as_role(name, self.keys.role_password(name))
        return ConfinedOdoo(self.settings, self.odoo(), name, owner, user).run(command)

    def protections(self) -> dict[str, str]:
        """See `ServerRuntime.protections`."""
        return super().protections() | {"bubblewrap": sandbox.available()}
