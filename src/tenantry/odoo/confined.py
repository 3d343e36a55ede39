"""Run Odoo on one database, as a user who sees only the code, the configuration and the database's files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantry.odoo.config import code_options, database_options, write_config
from tenantry.odoo.filestore import Filestores
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.initialise import Initialisation, OdooCommand
from tenantry.odoo.own_addons import tenants_addons_path
from tenantry.odoo.view import odoo_folders
from tenantry.postgres.cluster import Cluster
from tenantry.sandbox import View
from tenantry.settings import ServerSettings
from tenantry.spawner.identity import chown_folders


def view_of(
    odoo: OdooInstallation, files: Path, user: int | None, addons: Sequence[Path], *more: Path
) -> View:
    """The view of that Odoo.

    files: the folder of its filestore. It is created, and the user becomes the owner of its folders.
    more: other files that it reads, such as its configuration.
    """
    files.mkdir(parents=True, exist_ok=True)
    chown_folders(files, user)
    return View((*odoo_folders(odoo, addons), *more), (files,), user, hides_processes=True)


def log_of(settings: ServerSettings, title: str, name: str) -> Path:
    """The log of the last command of that title on the database `name`."""
    return settings.log_dir / f"{title}-{name}.log"


@dataclass(frozen=True)
class ConfinedOdoo:
    """An Odoo for one command on the database `name`, beside the processes that serve it.

    owner: the cluster with the database's role. user: the user id of its process, which owns its folders.
    """

    settings: ServerSettings
    odoo: OdooInstallation
    name: str
    owner: Cluster
    user: int | None

    def run(self, command: OdooCommand) -> Path:
        """Run it; return its log. Raises InitialisationTimeout, InitialisationFailed."""
        settings = self.settings
        config = settings.run_dir / f"{command.title}-{self.name}.conf"
        log = log_of(settings, command.title, self.name)
        addons = tenants_addons_path(settings)
        files = Filestores(settings.data_dir / "filestore").folder(self.name)
        options = {
            **database_options(self.owner),
            **code_options(self.odoo, addons, settings.data_dir),
            "max_cron_threads": "0",
        }
        log.unlink(missing_ok=True)
        write_config(config, options, owner=self.user)
        try:
            view = view_of(self.odoo, files, self.user, addons, config)
            timeout_s = settings.installation.init_timeout_s
            Initialisation(self.odoo, config, log, self.name, timeout_s, view).run(command)
        finally:
            config.unlink()
        return log
