"""The master as its administrator and its own code see it."""

from __future__ import annotations

import json
from typing import Any

from tenantry import process
from tenantry.engine import Engine
from tenantry.model.names import MASTER_BUILDING, MASTER_DATABASE
from tenantry.odoo.filestore import Filestores
from tenantry.postgres import databases, strategy
from tests.support.odoo_client import WebClient

_MARK = "answer: "


def master_client(engine: Engine) -> WebClient:
    """Log in as the administrator with a new password."""
    master = engine.master
    password = master.reset_admin_password()
    return WebClient(master.runtime.route, MASTER_DATABASE, master.admin_login(), password)


def ask_inside(engine: Engine, script: str) -> Any:
    """Run Python inside the master's Odoo, where `env` is given; return the value of `answer`."""
    odoo, config = engine.master.odoo(print), engine.master.runtime.config_file
    lines = f"import json\n{script}\nprint({_MARK!r} + json.dumps(answer))\n"
    output = process.run(
        odoo.command("shell", "-c", config, "-d", MASTER_DATABASE, "--no-http"),
        environment=odoo.environment,
        stdin=lines,
        timeout_s=120,
    )
    return json.loads(next(line for line in output.splitlines() if line.startswith(_MARK))[len(_MARK) :])


UNUSED_MASTER = f"{MASTER_DATABASE}_unused"


class UnusedMaster:
    """A copy of the master's database as it was installed, to be put back where others worked."""

    def __init__(self, engine: Engine) -> None:
        """Install the master, unless it is installed, and copy it before it runs."""
        self.engine = engine
        engine.master.install(print)
        copy_master(engine, MASTER_DATABASE, UNUSED_MASTER)

    def copy_to(self, name: str) -> None:
        copy_master(self.engine, UNUSED_MASTER, name)

    def put_back(self) -> None:
        """Start a server on a fresh copy of the master."""
        remove_master(self.engine)
        self.copy_to(MASTER_DATABASE)
        self.engine.start_master()


def copy_master(engine: Engine, source: str, target: str) -> None:
    """Make the database `target`, which the master's role may use, with its files."""
    with engine.context.maintenance() as connection:
        how = strategy.fastest(connection)
        strategy.prepare(connection, how)
        original = databases.find(connection, source)
        databases.clone(connection, source, target, how.clause, original.label)
        databases.grant_connect(connection, target, MASTER_DATABASE)
    filestores(engine).copy(source, target)


def remove_master(engine: Engine) -> None:
    """Remove the master's databases and files, as if it had never been installed."""
    engine.master.runtime.stop()
    for name in (MASTER_DATABASE, MASTER_BUILDING):
        remove_copy(engine, name)


def remove_copy(engine: Engine, name: str) -> None:
    with engine.context.maintenance() as connection:
        databases.drop(connection, name)
    filestores(engine).remove(name)


def filestores(engine: Engine) -> Filestores:
    return Filestores(engine.settings.installation.master_data_dir / "filestore")
