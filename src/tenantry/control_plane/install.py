"""The steps that install the master, or update it to our code.

It is installed under a temporary name: a database with the master's name is complete.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from tenantry import __version__
from tenantry.control_plane.server import MasterRuntime
from tenantry.errors import ModuleRenamed
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.names import MASTER_BUILDING, MASTER_DATABASE
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret, hash_for_odoo
from tenantry.odoo.config import write_config
from tenantry.odoo.filestore import Filestores
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.initialise import Initialisation, installed_modules, verify_modules
from tenantry.odoo.own_addons import master_addons
from tenantry.operations.context import Context
from tenantry.operations.steps import Step
from tenantry.operations.template.addons import addons_digest
from tenantry.postgres import bounded, databases, roles
from tenantry.postgres.cluster import Connection, translated
from tenantry.spawner.identity import master_user

RECIPE = Recipe(
    "master",
    "Master",
    (
        "saas_manager",
        "saas_manager_api",
        "saas_manager_webhook",
        "saas_manager_signup",
    ),
    languages=("en_US", "fr_FR", "vi_VN"),
)
_PACKAGED_ADDONS = ("queue_job", "endpoint_route_handler", "fastapi")
"""Addons that are part of the Python packages, and change with them."""
EXTENSIONS = ("pg_trgm", "unaccent")
_RENAMED = dict.fromkeys(("saas_manager_portal", "saas_manager_captcha"), "saas_manager_signup")
"""Modules of ours, by their names in older versions."""


@dataclass(frozen=True)
class Installing:
    """The installation or update of the master's database. odoo: see `control_plane.code.master_odoo`."""

    context: Context
    connection: Connection
    runtime: MasterRuntime
    odoo: OdooInstallation
    password: Secret

    @property
    def log(self) -> Path:
        return self.runtime.install_log

    @property
    def filestores(self) -> Filestores:
        return Filestores(self.context.settings.installation.master_data_dir / "filestore")

    @property
    def label(self) -> Label:
        return Label(
            kind=Kind.MASTER,
            state=State.ACTIVE,
            series=self.odoo.series,
            recipe={"code_digest": self.code_digest},
            built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @property
    def code_digest(self) -> str:
        """Changes with Odoo, our addons, the engine and the packages; their folder's name has a digest."""
        addons = [addon.resolve() for addon in sorted(master_addons(self.context.settings).iterdir())]
        packages = self.odoo.libraries[0].name
        return f"{addons_digest(self.odoo, addons)} {packages} {__version__}"

    def initialisation(self, database: str) -> Initialisation:
        """An initialisation for that database; the caller removes its configuration file."""
        settings = self.context.settings
        config = settings.run_dir / "master-install.conf"
        write_config(config, self.runtime.options(self.odoo, self.context.cluster), owner=master_user())
        view = self.runtime.view(self.odoo, config)
        return Initialisation(
            self.odoo, config, self.log, database, settings.installation.init_timeout_s, view
        )


# ---------------------------------------------------------------- steps


def _discard(subject: Installing) -> None:
    """Remove a killed installation, which cannot be continued."""
    databases.drop(subject.connection, MASTER_BUILDING)
    subject.filestores.remove(MASTER_BUILDING)


def _create_database(subject: Installing) -> None:
    connection = subject.connection
    _discard(subject)
    subject.filestores.remove(MASTER_DATABASE)
    subject.log.unlink(missing_ok=True)
    databases.create(connection, MASTER_BUILDING, subject.label.having(state=State.BUILDING))
    databases.grant_connect(connection, MASTER_BUILDING, MASTER_DATABASE)
    with subject.context.cluster.connect(MASTER_BUILDING) as inside:
        roles.grant_create(inside, MASTER_DATABASE)
        databases.add_extensions(inside, EXTENSIONS)


def _install(subject: Installing) -> None:
    initialisation = subject.initialisation(MASTER_BUILDING)
    initialisation.install(RECIPE)
    initialisation.config.unlink()


def _verify(subject: Installing) -> None:
    with subject.context.as_owner(MASTER_BUILDING, MASTER_DATABASE) as inside:
        verify_modules(inside, RECIPE.modules, subject.log)


def _set_admin_password(subject: Installing) -> None:
    with subject.context.as_owner(MASTER_BUILDING, MASTER_DATABASE) as inside:
        set_admin_password(inside, subject.password)


def _rename_database(subject: Installing) -> None:
    databases.end_sessions(subject.connection, MASTER_BUILDING)
    if subject.filestores.exists(MASTER_BUILDING):
        subject.filestores.rename(MASTER_BUILDING, MASTER_DATABASE)
    with databases.transaction(subject.connection):
        databases.rename(subject.connection, MASTER_BUILDING, MASTER_DATABASE)
        databases.label(subject.connection, MASTER_DATABASE, subject.label)


def _check_dependencies(subject: Installing) -> None:
    """Other modules must name ours as they are called now: Odoo takes dependencies from their manifests.

    Raises ModuleRenamed.
    """
    with subject.context.as_owner(MASTER_DATABASE, MASTER_DATABASE) as inside:
        installed = installed_modules(inside)
    added = subject.context.settings.installation.master_data_dir / "addons" / subject.odoo.series
    for name in installed:
        folder = subject.odoo.find_module(name, [added])
        for dependency in _dependencies(folder / "__manifest__.py") if folder else ():
            if dependency in _RENAMED:
                raise ModuleRenamed(name, dependency, _RENAMED[dependency])


def _dependencies(manifest: Path) -> tuple[str, ...]:
    """None of a manifest that cannot be read: Odoo says what is wrong with it."""
    try:
        return tuple(map(str, ast.literal_eval(manifest.read_text(encoding="utf-8")).get("depends", ())))
    except (OSError, ValueError, SyntaxError, AttributeError, TypeError, RecursionError, MemoryError):
        return ()


def _stop_server(subject: Installing) -> None:
    """Stop it, and end what it left: the steps that follow would wait for its locks."""
    subject.runtime.stop()
    databases.end_sessions(subject.connection, MASTER_DATABASE)


def _rename_modules(subject: Installing) -> None:
    """Give modules their current names: Odoo cannot update a module without code. Raises PostgresFailure."""
    script = (resources.files(__package__) / "signup_in_one_addon.sql").read_bytes()
    context = subject.context
    owner = context.cluster.as_role(MASTER_DATABASE, context.role_password(MASTER_DATABASE))
    limited = owner.with_options({"statement_timeout": f"{bounded.LONG_S}s", "search_path": "public,pg_temp"})
    with (
        limited.connect(MASTER_DATABASE) as inside,
        databases.transaction(inside),
        translated(inside, "rename modules"),
    ):
        inside.execute(script)


def _update(subject: Installing) -> None:
    """Update our addons and those of the Python packages, and install new ones of ours."""
    with subject.context.as_owner(MASTER_DATABASE, MASTER_DATABASE) as inside:
        installed = set(installed_modules(inside))
    ours = {name for name in installed if name.startswith("saas_") or name in _PACKAGED_ADDONS}
    initialisation = subject.initialisation(MASTER_DATABASE)
    initialisation.update(sorted(ours), sorted(set(RECIPE.modules) - installed))
    initialisation.config.unlink()


def _verify_update(subject: Installing) -> None:
    with subject.context.as_owner(MASTER_DATABASE, MASTER_DATABASE) as inside:
        verify_modules(inside, RECIPE.modules, subject.log)


def _write_label(subject: Installing) -> None:
    databases.label(subject.connection, MASTER_DATABASE, subject.label)


INSTALL: tuple[Step[Installing], ...] = (
    Step("database", _create_database, undo=_discard),
    Step("install", _install),
    Step("verify", _verify),
    Step("admin", _set_admin_password),
    Step("name", _rename_database),
)
UPDATE: tuple[Step[Installing], ...] = (
    Step("dependencies", _check_dependencies),
    Step("stop", _stop_server),
    Step("rename", _rename_modules),
    Step("update", _update),
    Step("verify", _verify_update),
    Step("note", _write_label),
)


# ---------------------------------------------------------------- the administrator

_ADMIN_PASSWORD = """
    UPDATE res_users SET password = %s
     WHERE id = (SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'user_admin')
"""
_CLEAR_SESSION_CACHE = """
    DO $$ BEGIN
        IF to_regclass('orm_signaling_default') IS NOT NULL THEN
            INSERT INTO orm_signaling_default DEFAULT VALUES;
        END IF;
    END $$
"""


def set_admin_password(inside: Connection, password: Secret) -> None:
    """Set the password, and end the sessions of the old one, which a running Odoo has in its cache."""
    with databases.transaction(inside), translated(inside, "set the administrator's password"):
        inside.execute(_ADMIN_PASSWORD, [hash_for_odoo(password)])
        inside.execute(_CLEAR_SESSION_CACHE)
