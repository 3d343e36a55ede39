"""A plain Odoo with its own databases, as one would run it without Tenantry.

It is threaded and runs the same Odoo with the same modules, without scheduled jobs; one role owns all its
databases. It is started and warmed up before anything is measured.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from psycopg import sql

from bench.installation import Installation
from bench.load import seconds_for_page
from bench.ports import free_port
from tenantry import process
from tenantry.model.address import Address, Upstream
from tenantry.model.names import TEMPLATE_OWNER
from tenantry.model.secret import random_password
from tenantry.odoo.config import code_options, database_options, write_config
from tenantry.odoo.filestore import Filestores
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.probe import Route, wait_for_status
from tenantry.odoo.server import OdooServer
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import MAINTENANCE_DATABASE, Cluster, translated

_ROLE = "peer"
_SOURCE = "source"
_REQUIREMENTS = Path(__file__).with_name("requirements.lock")
_START_TIMEOUT_S = 120
_COMMAND_TIMEOUT_S = 300


@dataclass(frozen=True)
class PlainOdoo:
    """The peers' server and where it keeps its things.

    only: the one database it serves; "" for all of its role's, by host name.
    """

    odoo: OdooInstallation
    cluster: Cluster
    folder: Path
    port: int
    only: str = ""

    @property
    def config(self) -> Path:
        return self.folder / f"{self.only or 'plain'}.conf"

    @property
    def server(self) -> OdooServer:
        return OdooServer(self.config, self.config.with_suffix(".log"))

    @property
    def filestores(self) -> Filestores:
        return Filestores(self.folder / "data" / "filestore")

    def route(self, database: str) -> Route:
        address = Address("http", f"{database}.localhost", self.port)
        return Route(address, Upstream("127.0.0.1", self.port))

    def start(self) -> None:
        """Raises ServerNotStarted."""
        options = {
            **database_options(self.cluster),
            **code_options(self.odoo, (), self.folder / "data"),
            **({"db_name": self.only} if self.only else {"dbfilter": "^%d$"}),
            "http_interface": "127.0.0.1",
            "http_port": str(self.port),
            "gevent_port": str(free_port()),
            "max_cron_threads": "0",
        }
        write_config(self.config, options)
        self.server.start(self.odoo)
        self.server.watch(self._is_answering, _START_TIMEOUT_S)

    def _is_answering(self) -> bool:
        try:
            return self.route(self.only or "nobody").get("/web/health", timeout_s=5) == 200
        except OSError:
            return False

    def seconds_to_first_page(self, make: Callable[[str], None], name: str) -> float:
        """Make a database, and wait until the plain server shows its login page."""
        began = time.monotonic()
        make(name)
        wait_for_status(self.route(name), 200, timeout_s=60)
        return time.monotonic() - began

    def duplicate(self, name: str) -> None:
        self._run(self.odoo.command("db", "-c", self.config, "duplicate", _SOURCE, name))

    def install(self, name: str, modules: tuple[str, ...]) -> None:
        arguments = ("-c", self.config, "-d", name, "-i", ",".join(modules), "--stop-after-init", "--no-http")
        self._run(self.odoo.command(*arguments))

    def copy(self, name: str) -> None:
        """Run click-odoo-copydb, over Odoo's own packages."""
        command = [self.odoo.python, "-m", "click_odoo_contrib.copydb", "-c", self.config, _SOURCE, name]
        self._run(command, PYTHONPATH=f"{self._packages}:{self.odoo.source}")

    @property
    def _packages(self) -> Path:
        return self.folder / "packages"

    def install_copydb(self) -> None:
        """Its packages go into a folder of this run: Odoo's environment is shared by others."""
        process.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
            + ["--require-hashes", "--target", self._packages, "-r", _REQUIREMENTS],
            timeout_s=_COMMAND_TIMEOUT_S,
        )

    def _run(self, command: Sequence[object], **environment: str) -> None:
        process.run(
            command,
            timeout_s=_COMMAND_TIMEOUT_S,
            environment={**self.odoo.environment, **environment},
            log=self.folder / "commands.log",
        )

    def copy_in_sql(self, name: str) -> None:
        """Only the work itself, as the peers' role, after a first visitor."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(_SOURCE)
        )
        with self.cluster.connect() as connection, translated(connection, "copy a database"):
            connection.execute(statement)
        shutil.copytree(self.filestores.folder(_SOURCE), self.filestores.folder(name))
        with self.cluster.connect(name) as inside:
            inside.execute("SELECT count(*) FROM ir_module_module")


@dataclass
class Plain:
    """The plain server of one run; the first caller starts it."""

    installation: Installation

    @cached_property
    def odoo(self) -> PlainOdoo:
        """Raises ServerNotStarted."""
        installation = self.installation
        installation.report("Odoo: starting the plain server")
        cluster = _make_role(installation)
        folder = installation.home / "peers"
        plain = PlainOdoo(installation.engine.odoo, cluster, folder, free_port())
        _make_source(installation, plain)
        installation.closing.callback(plain.server.stop)
        plain.start()
        plain.copy_in_sql("plain-warm-up")
        seconds_for_page(plain.route("plain-warm-up"))
        return plain

    def of_its_own(self, name: str) -> PlainOdoo:
        """Another server of the same databases that serves only this one, as most Odoos do."""
        own = replace(self.odoo, port=free_port(), only=name)
        self.installation.closing.callback(own.server.stop)
        own.start()
        return own


def _make_role(installation: Installation) -> Cluster:
    """A role that may create databases, and reach those it owns; return the cluster as seen by it."""
    password = random_password()
    with installation.superuser().connect() as connection, translated(connection, "let the peers in"):
        roles.create(connection, _ROLE, password)
        connection.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(sql.Identifier(_ROLE)))
        databases.ensure_connect(connection, MAINTENANCE_DATABASE, _ROLE)
        row = connection.execute("SHOW hba_file").fetchone()
        with Path(str(row and row[0])).open("a") as rules:
            rules.write(f"host  all  {_ROLE}  127.0.0.1/32  scram-sha-256\n")
        connection.execute("SELECT pg_reload_conf()")
    return installation.engine.context.cluster.as_role(_ROLE, password)


def _make_source(installation: Installation, plain: PlainOdoo) -> None:
    """A plain Odoo database with the template's content, and its files."""
    source, owner = sql.Identifier(_SOURCE), sql.Identifier(_ROLE)
    template = sql.Identifier(installation.template)
    with installation.superuser().connect() as connection, translated(connection, "copy the template"):
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(source, template, owner))
    with installation.superuser().connect(_SOURCE) as inside:
        roles.reassign_owned(inside, old=TEMPLATE_OWNER, new=_ROLE)
    shutil.copytree(_template_files(installation), plain.filestores.folder(_SOURCE))


def _template_files(installation: Installation) -> Path:
    context = installation.engine.context
    with context.maintenance() as connection:
        template = databases.find(connection, installation.template)
    assert template
    return context.filestores.folder(template.filestore)
