"""The master: installed once under a temporary name, updated when its code changed, started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tenantry.errors import DatabaseExists, MasterNotInstalled
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.names import MASTER_BUILDING, MASTER_DATABASE
from tenantry.model.progress import OnStep, ignore
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret, hash_for_odoo, random_password
from tenantry.odoo.config import write_config
from tenantry.odoo.filestore import Filestores
from tenantry.odoo.initialise import Initialisation, installed_modules, verify_modules
from tenantry.odoo.installation import OdooInstallation
from tenantry.odoo.master_code import master_odoo
from tenantry.odoo.own_addons import master_addons
from tenantry.operations.addons import addons_digest
from tenantry.operations.context import Context, find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import MAINTENANCE_DATABASE, Connection, translated
from tenantry.runtimes.master import MasterRuntime

Report = Callable[[str], None]

RECIPE = Recipe("master", "Master", ("saas_manager",), languages=("en_US", "fr_FR", "vi_VN"))
EXTENSIONS = ("pg_trgm", "unaccent")


@dataclass(frozen=True)
class Installing:
    """The master's database, being installed or updated; `odoo` is as the master runs it."""

    context: Context
    connection: Connection
    runtime: MasterRuntime
    odoo: OdooInstallation
    password: Secret

    @property
    def log(self) -> Path:
        return self.context.settings.log_dir / "master-install.log"

    @property
    def filestores(self) -> Filestores:
        return Filestores(self.context.settings.master_data_dir / "filestore")

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
        """Changes with Odoo, with our addons, and with the packages, whose folder bears their digest."""
        addons = [addon.resolve() for addon in sorted(master_addons(self.context.settings).iterdir())]
        return f"{addons_digest(self.odoo, addons)} {self.odoo.libraries[0].name}"

    def initialisation(self, database: str) -> Initialisation:
        """Ready to run on that database; the caller removes its configuration file."""
        settings = self.context.settings
        config = settings.run_dir / "master-install.conf"
        write_config(config, self.runtime.options(self.odoo, self.context.cluster))
        return Initialisation(self.odoo, config, self.log, database, settings.init_timeout_s)


# ---------------------------------------------------------------- steps


def _discard(subject: Installing) -> None:
    """An installation cannot go on where it was killed: it begins anew."""
    databases.drop(subject.connection, MASTER_BUILDING)
    subject.filestores.remove(MASTER_BUILDING)


def _create_database(subject: Installing) -> None:
    connection = subject.connection
    _discard(subject)
    subject.filestores.remove(MASTER_DATABASE)
    subject.log.unlink(missing_ok=True)
    databases.create(connection, MASTER_BUILDING)
    databases.label(connection, MASTER_BUILDING, subject.label.having(state=State.BUILDING))
    databases.let_in(connection, MASTER_BUILDING, MASTER_DATABASE)
    with subject.context.cluster.connect(MASTER_BUILDING) as inside:
        roles.let_create(inside, MASTER_DATABASE)
        databases.add_extensions(inside, EXTENSIONS)


def _install(subject: Installing) -> None:
    initialisation = subject.initialisation(MASTER_BUILDING)
    initialisation.install(RECIPE)
    initialisation.config.unlink()


def _verify(subject: Installing) -> None:
    with subject.context.cluster.connect(MASTER_BUILDING) as inside:
        verify_modules(inside, RECIPE.modules, subject.log)


def _close_admin(subject: Installing) -> None:
    with subject.context.cluster.connect(MASTER_BUILDING) as inside:
        _set_password(inside, subject.password)


def _take_name(subject: Installing) -> None:
    databases.end_sessions(subject.connection, MASTER_BUILDING)
    if subject.filestores.exists(MASTER_BUILDING):
        subject.filestores.rename(MASTER_BUILDING, MASTER_DATABASE)
    with databases.transaction(subject.connection):
        databases.rename(subject.connection, MASTER_BUILDING, MASTER_DATABASE)
        databases.label(subject.connection, MASTER_DATABASE, subject.label)


def _stop_server(subject: Installing) -> None:
    subject.runtime.stop()


def _update(subject: Installing) -> None:
    """Update what is ours, and with it what depends on it."""
    with subject.context.cluster.connect(MASTER_DATABASE) as inside:
        installed = [name for name in installed_modules(inside) if name.startswith("saas_")]
    initialisation = subject.initialisation(MASTER_DATABASE)
    initialisation.update(sorted({*RECIPE.modules, *installed, "queue_job"}))
    initialisation.config.unlink()


def _note_update(subject: Installing) -> None:
    databases.label(subject.connection, MASTER_DATABASE, subject.label)


INSTALL: tuple[Step[Installing], ...] = (
    Step("database", _create_database, undo=_discard),
    Step("install", _install),
    Step("verify", _verify),
    Step("admin", _close_admin),
    Step("name", _take_name),
)
UPDATE: tuple[Step[Installing], ...] = (
    Step("stop", _stop_server),
    Step("update", _update),
    Step("note", _note_update),
)


# ---------------------------------------------------------------- operation


@dataclass(frozen=True)
class Master:
    """The master of one installation."""

    runtime: MasterRuntime
    context: Callable[[], Context]

    @property
    def url(self) -> str:
        """Raises ServerNotStarted when it never ran."""
        return self.runtime.route.url

    @property
    def pid(self) -> int | None:
        """The running server's process id; None when it does not run."""
        return self.runtime.pid

    def is_answering(self) -> bool:
        return self.runtime.is_answering()

    def odoo(self, report: Report) -> OdooInstallation:
        """Odoo as the master runs it. Raises OdooNotFound, PythonTooOld, ProgramFailed."""
        return master_odoo(self.runtime.settings, self.context().odoo(), report)

    def start(self, report: Report, on_step: OnStep = ignore) -> Secret | None:
        """Install or update it where needed, and start it unless it runs.

        Returns and raises as `install`; also raises ServerNotStarted.
        """
        password = self.install(report, on_step)
        self.runtime.start(self.odoo(report), self.context().cluster, report)
        return password

    def install(self, report: Report, on_step: OnStep = ignore) -> Secret | None:
        """Make its database, or bring it up to our code, which stops the server; else do nothing.

        Returns the administrator's password when it was made just now: it is kept nowhere.
        Raises InitialisationFailed, InitialisationTimeout, ModulesNotInstalled, OdooNotFound,
        PythonTooOld, DatabaseExists, Busy.
        """
        context, odoo = self.context(), self.odoo(report)
        wait_s = context.settings.init_timeout_s
        with context.maintenance() as connection, locks.exclusive(connection, "master", wait_s=wait_s):
            _make_role(context, connection)
            subject = Installing(context, connection, self.runtime, odoo, random_password())
            found = _installed(connection)
            if found is None:
                report("Odoo: installing the master")
                Operation("install", MASTER_DATABASE, INSTALL, on_step).run(subject)
                return subject.password
            if found.label and found.label.recipe.get("code_digest") != subject.code_digest:
                report("Odoo: updating the master, its code changed")
                Operation("update", MASTER_DATABASE, UPDATE, on_step).run(subject)
            return None

    def reset_admin_password(self) -> Secret:
        """Give the administrator a new random password. Raises MasterNotInstalled."""
        password = random_password()
        with self._inside() as inside:
            _set_password(inside, password)
        return password

    def admin_login(self) -> str:
        """Who the administrator logs in as. Raises MasterNotInstalled."""
        with self._inside() as inside, translated(inside, "read the administrator's login"):
            row = inside.execute(_ADMIN_LOGIN).fetchone()
        return str(row[0]) if row else ""

    @contextmanager
    def _inside(self) -> Iterator[Connection]:
        context = self.context()
        with context.maintenance() as connection:
            if _installed(connection) is None:
                raise MasterNotInstalled
        with context.cluster.connect(MASTER_DATABASE) as inside:
            yield inside


def _installed(connection: Connection) -> Database | None:
    """The master's database; None when there is none. Raises DatabaseExists when it is not ours."""
    if databases.find(connection, MASTER_DATABASE) is None:
        return None
    found = find_labelled(connection, MASTER_DATABASE, Kind.MASTER)
    if found is None:
        raise DatabaseExists(MASTER_DATABASE)
    return found


def _make_role(context: Context, connection: Connection) -> None:
    roles.create(connection, MASTER_DATABASE, context.role_password(MASTER_DATABASE))
    databases.let_connect(connection, MAINTENANCE_DATABASE, MASTER_DATABASE)


_ADMIN_LOGIN = """
    SELECT login FROM res_users
     WHERE id = (SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'user_admin')
"""
_ADMIN_PASSWORD = """
    UPDATE res_users SET password = %s
     WHERE id = (SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'user_admin')
"""
_FORGET_SESSIONS = """
    DO $$ BEGIN
        IF to_regclass('orm_signaling_default') IS NOT NULL THEN
            INSERT INTO orm_signaling_default DEFAULT VALUES;
        END IF;
    END $$
"""


def _set_password(inside: Connection, password: Secret) -> None:
    """Set it and end the sessions opened with the old one, which a running Odoo has cached."""
    with databases.transaction(inside), translated(inside, "set the administrator's password"):
        inside.execute(_ADMIN_PASSWORD, [hash_for_odoo(password)])
        inside.execute(_FORGET_SESSIONS)
