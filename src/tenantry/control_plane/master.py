"""The master: install it, update it when its code changed, start it, reset its administrator's password."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tenantry.control_plane.code import master_odoo
from tenantry.control_plane.install import INSTALL, UPDATE, Installing, set_admin_password
from tenantry.control_plane.server import MasterRuntime
from tenantry.errors import ForeignDatabase, MasterNotInstalled, ServerNotStarted
from tenantry.model.catalog import Database, Kind
from tenantry.model.names import MASTER_DATABASE
from tenantry.model.progress import OnStep, ignore
from tenantry.model.secret import Secret, random_password
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.operations.context import Context
from tenantry.operations.inventory import find_labelled
from tenantry.operations.steps import Operation
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import MAINTENANCE_DATABASE, Connection, translated

Report = Callable[[str], None]

_ADMIN_LOGIN = """
    SELECT login FROM res_users
     WHERE id = (SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'user_admin')
"""

_ADDRESS = "saas.address"
"""The parameter with the address of instances, with a star in place of the name."""
_GET_PARAMETER = "SELECT value FROM ir_config_parameter WHERE key = %s"
_RENEW = """
    UPDATE saas_instance SET url = replace(%s, '*', subdomain) WHERE url = replace(%s, '*', subdomain)
"""
_SET_PARAMETER = """
    INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)
    VALUES (%s, %s, 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC')
        ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value
     WHERE ir_config_parameter.value IS DISTINCT FROM EXCLUDED.value
"""


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
        """Install or update it if needed, and start it unless it runs.

        Returns and raises as `install`; also raises ServerNotStarted.
        """
        password = self.install(report, on_step)
        self._write_address()
        self.runtime.start(self.odoo(report), self.context().cluster, report)
        return password

    def install(self, report: Report, on_step: OnStep = ignore) -> Secret | None:
        """Make its database, or update it to our code, which stops the server; else do nothing.

        Returns the administrator's password if the database was made now: the password is stored nowhere.
        Raises InitialisationFailed, InitialisationTimeout, ModulesNotInstalled, OdooNotFound,
        PythonTooOld, ForeignDatabase, ModuleRenamed, Busy.
        """
        context, odoo = self.context(), self.odoo(report)
        wait_s = context.settings.installation.init_timeout_s
        with context.maintenance() as connection, locks.exclusive(connection, "master", wait_s=wait_s):
            _make_role(context, connection)
            subject = Installing(context, connection, self.runtime, odoo, random_password())
            found = _installed(connection)
            if found is None:
                report("Odoo: installing the master; it takes one to five minutes")
                Operation("install", MASTER_DATABASE, INSTALL, on_step).run(subject)
                return subject.password
            if found.label and found.label.recipe.get("code_digest") != subject.code_digest:
                report("Odoo: updating the master, its code changed; it takes a minute or two")
                Operation("update", MASTER_DATABASE, UPDATE, on_step).run(subject)
            return None

    def _write_address(self) -> None:
        """Write the base domain and protocol into Odoo's parameters, for programs and the settings page.

        The addresses in the records of instances follow: people open instances by them.
        """
        context = self.context()
        with self._inside() as inside, translated(inside, "write the base domain"):
            for key in ("base_domain", "protocol"):
                inside.execute(_SET_PARAMETER, [f"saas.{key}", getattr(context.settings, key)])
            with contextlib.suppress(ServerNotStarted):  # then there are no addresses yet
                now = context.address("*").url
                before = inside.execute(_GET_PARAMETER, [_ADDRESS]).fetchone()
                inside.execute(_RENEW, [now, before[0] if before else now])
                inside.execute(_SET_PARAMETER, [_ADDRESS, now])

    def reset_admin_password(self) -> Secret:
        """Give the administrator a new random password. Raises MasterNotInstalled."""
        password = random_password()
        with self._inside() as inside:
            set_admin_password(inside, password)
        return password

    def admin_login(self) -> str:
        """The administrator's login. Raises MasterNotInstalled."""
        with self._inside() as inside, translated(inside, "read the administrator's login"):
            row = inside.execute(_ADMIN_LOGIN).fetchone()
        return str(row[0]) if row else ""

    @contextmanager
    def _inside(self) -> Iterator[Connection]:
        context = self.context()
        with context.maintenance() as connection:
            if _installed(connection) is None:
                raise MasterNotInstalled
        with context.as_owner(MASTER_DATABASE, MASTER_DATABASE) as inside:
            yield inside


def _installed(connection: Connection) -> Database | None:
    """The master's database; None when there is none. Raises ForeignDatabase when it is not ours."""
    if databases.find(connection, MASTER_DATABASE) is None:
        return None
    found = find_labelled(connection, MASTER_DATABASE, Kind.MASTER)
    if found is None:
        raise ForeignDatabase(MASTER_DATABASE)
    return found


def _make_role(context: Context, connection: Connection) -> None:
    roles.create(connection, MASTER_DATABASE, context.role_password(MASTER_DATABASE))
    databases.ensure_connect(connection, MAINTENANCE_DATABASE, MASTER_DATABASE)
