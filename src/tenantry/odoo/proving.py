"""Let a real Odoo load a restored database and draw its login page, confined as a tenant's process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tenantry import process, sandbox
from tenantry.agreed import (
    LOGIN_PAGE_FAILED,
    PROCESS_MODULE,
    PROOF_PROGRAM,
    REGISTRY_FAILED,
    ProofOrder,
)
from tenantry.errors import InitialisationFailed, InitialisationTimeout, ProgramFailed, ProgramTimeout
from tenantry.odoo.config import tenant_limits, tenant_options
from tenantry.odoo.confined import view_of
from tenantry.odoo.filestore import Filestores
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.own_addons import tenant_addons, tenants_addons_path
from tenantry.odoo.view import USER_VARIABLES, odoo_folders
from tenantry.postgres.cluster import Cluster
from tenantry.settings import ServerSettings

_FILE_BYTES = 2**28
"""The size of any file that the process writes, its log among them."""
_FAULTS = {
    REGISTRY_FAILED: "its registry cannot be loaded",
    LOGIN_PAGE_FAILED: "its login page cannot be drawn",
}


@dataclass(frozen=True)
class ProvingOdoo:
    """An Odoo for one restored database.

    owner: the cluster with the database's role, of the same name. user: the user id of its process; None: our
    own. log: where it writes.
    """

    settings: ServerSettings
    odoo: OdooInstallation
    name: str
    owner: Cluster
    user: int | None
    log: Path

    def fault(self) -> str:
        """What is wrong with the database; "" and no log: nothing.

        Raises InitialisationTimeout, InitialisationFailed when Odoo ends for another reason.
        """
        program, timeout_s = self._program, self.settings.installation.init_timeout_s
        self.log.unlink(missing_ok=True)
        try:
            process.run(
                sandbox.command(self._view, [self.odoo.python, program], ends_with_caller=True),
                timeout_s=timeout_s,
                environment={**USER_VARIABLES, **self.odoo.environment},
                stdin=self._order().to_line(),
                log=self.log,
            )
        except ProgramTimeout as error:
            raise InitialisationTimeout(self.name, timeout_s, self.log) from error
        except ProgramFailed as error:
            if fault := _FAULTS.get(error.program_exit_code):
                return fault
            reason = f"it ended with {error.program_exit_code}: {error.output}"
            raise InitialisationFailed(self.name, reason, self.log) from error
        self.log.unlink(missing_ok=True)
        return ""

    @property
    def _program(self) -> Path:
        return tenant_addons(self.settings) / PROCESS_MODULE / PROOF_PROGRAM

    @property
    def _files(self) -> Path:
        return Filestores(self.settings.data_dir / "filestore").folder(self.name)

    @property
    def _view(self) -> sandbox.View:
        return view_of(self.odoo, self._files, self.user, tenants_addons_path(self.settings))

    def _order(self) -> ProofOrder:
        settings, password = self.settings, self.owner.password
        assert password
        return ProofOrder(
            name=self.name,
            password=password.reveal(),
            folder=str(self._files),
            readable=[str(it) for it in odoo_folders(self.odoo, tenants_addons_path(settings))],
            memory_bytes=tenant_limits(settings).memory_bytes,
            file_size_bytes=_FILE_BYTES,
            options=dict(tenant_options(settings, self.odoo, self.owner)),
        )
