"""The master as its administrator and its own code see it."""

from __future__ import annotations

import json
from typing import Any

from tenantry import process
from tenantry.engine import Engine
from tenantry.model.names import MASTER_BUILDING, MASTER_DATABASE
from tenantry.odoo.filestore import Filestores
from tenantry.postgres import databases
from tests.support.odoo_client import WebClient

_MARK = "answer: "


def master_client(engine: Engine) -> WebClient:
    """Logged in as the administrator, who gets a new password for it."""
    master = engine.master
    password = master.reset_admin_password()
    return WebClient(master.runtime.route, MASTER_DATABASE, master.admin_login(), password)


def ask_inside(engine: Engine, script: str) -> Any:
    """Run Python inside the master's Odoo, where `env` is given; return what it assigned to `answer`."""
    odoo, config = engine.master.odoo(print), engine.master.runtime.config_file
    lines = f"import json\n{script}\nprint({_MARK!r} + json.dumps(answer))\n"
    output = process.run(
        odoo.command("shell", "-c", config, "-d", MASTER_DATABASE, "--no-http"),
        environment=odoo.environment,
        stdin=lines,
        timeout_s=120,
    )
    return json.loads(next(line for line in output.splitlines() if line.startswith(_MARK))[len(_MARK) :])


def remove_master(engine: Engine) -> None:
    """As if it had never been installed."""
    engine.master.runtime.stop()
    files = Filestores(engine.settings.master_data_dir / "filestore")
    with engine.context.maintenance() as connection:
        for name in (MASTER_DATABASE, MASTER_BUILDING):
            databases.drop(connection, name)
            files.remove(name)
