"""An installation for the benchmark, in a temporary folder that is removed at the end.

This file imports only what the previous server's version has, too: see `old_server.py`.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from bench.plan import Plan
from bench.ports import free_port
from bench.versions import method, operators_settings
from tenantry.engine import Engine, Report
from tenantry.model.instance import Creation
from tenantry.model.names import template_database
from tenantry.model.recipe import Recipe
from tenantry.model.template import Template
from tenantry.postgres import strategy
from tenantry.postgres.cluster import Cluster
from tenantry.postgres.strategy import Strategy

if TYPE_CHECKING:
    from tenantry.settings import ServerSettings

TEMPLATE = "blank"
_QUITS_WITHIN_S = 10
_ENDING = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Installation:
    """The installation that all measurements use.

    closing: what is to be stopped at the end, the last started first.
    creations: the instances made so far, for measurements that need some.
    """

    engine: Engine
    plan: Plan
    report: Report
    closing: ExitStack
    creations: list[Creation] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.engine.settings.home

    @property
    def names(self) -> list[str]:
        """The names of the instances made so far."""
        return [creation.instance.name for creation in self.creations]

    @property
    def template(self) -> str:
        return template_database(TEMPLATE)

    @property
    def recipe(self) -> Recipe:
        recipe: Recipe = method(self.engine, "templates.recipe")(TEMPLATE)
        return recipe

    def create(self, name: str) -> Creation:
        wishes = {"name": name, "email": f"admin@{name}.example", "template": TEMPLATE}
        spec = method(self.engine, "instances.spec")(**wishes)
        creation: Creation = method(self.engine, "instances.provision")(spec)
        self.creations.append(creation)
        return creation

    def built_template(self) -> Template:
        templates = method(self.engine, "templates.all")()
        return next(template for template in templates if template.code == TEMPLATE)

    def superuser(self) -> Cluster:
        """The embedded cluster as its superuser: the peers need a role the engine would not make."""
        from tenantry.model.names import SUPERUSER

        context = self.engine.context
        return context.cluster.as_role(SUPERUSER, context.role_password(SUPERUSER))

    def strategy(self) -> Strategy:
        """How the engine clones on this cluster."""
        with self.engine.context.maintenance() as connection:
            return strategy.fastest(connection)

    def postgres_version(self) -> str:
        with self.engine.context.maintenance() as connection:
            # A distribution adds its own: "15.18 (Debian 15.18-0+deb12u1)".
            return (connection.info.parameter_status("server_version") or "unknown").split()[0]

    def postmaster(self) -> psutil.Process:
        """The cluster's first process, the parent of all others."""
        with self.engine.context.maintenance() as connection:
            parent = psutil.Process(connection.info.backend_pid).parent()
        assert parent
        return parent

    def postgres_folder(self) -> Path:
        """The cluster's folder. It is outside of home where PostgreSQL's user cannot get there."""
        return Path(self.postmaster().cwd()).parent


@contextmanager
def temporary_installation(plan: Plan, report: Report) -> Iterator[Installation]:
    """Start an empty installation; stop and remove it at the end, however that comes."""
    with _handlers_restored(), ExitStack() as closing:
        home = Path(tempfile.mkdtemp(prefix="tenantry-bench-"))
        closing.callback(shutil.rmtree, home, ignore_errors=True)
        home.chmod(0o755)
        try:
            yield start(home, plan, report, closing)
        finally:
            _ignore_signals()


def start(home: Path, plan: Plan, report: Report, closing: ExitStack) -> Installation:
    """Start the installation that is, or is to be, in that folder; it is stopped at the end.

    What of it is outside of the folder is removed then.
    """
    engine = Engine(settings_at(home, master_port=free_port()), report)
    closing.callback(engine.stop)
    engine.start_postgres()
    installation = Installation(engine, plan, report, closing)
    if not installation.postgres_folder().is_relative_to(home):
        closing.callback(shutil.rmtree, installation.postgres_folder(), ignore_errors=True)
    closing.callback(_stop_at_once, engine, installation.postmaster())
    return installation


def _stop_at_once(engine: Engine, postmaster: psutil.Process) -> None:
    """Stop everything; PostgreSQL without a checkpoint, which would take a minute."""
    engine.master.runtime.stop()
    engine.runtime.stop()
    with suppress(psutil.Error):
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(_QUITS_WITHIN_S)


@contextmanager
def _handlers_restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """A second Ctrl-C must not interrupt the removal."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def settings_at(home: Path, **changes: object) -> ServerSettings:
    """The operator's settings, without those that refer to something outside of `home`; and with changes."""
    settings: ServerSettings = operators_settings(
        home=home,
        pg_dsn=None,
        addons_path=(),
        base_domain="localhost",
        http_interface="127.0.0.1",
        http_port=free_port(),
        probe_timeout_s=60,
        **changes,
    )
    return settings
