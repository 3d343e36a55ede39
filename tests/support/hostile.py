"""Tenants that run native code on purpose: an addon that executes given code, for tests only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tenantry.engine import Engine
from tests.support.odoo_client import OdooClient

MODULE = "hostile_code"
_FILES = {
    "__manifest__.py": '{"name": "Hostile code", "version": "19.0.1.0.0", "depends": ["web"],'
    ' "license": "LGPL-3"}\n',
    "__init__.py": "from . import controllers, models\n",
    "models.py": """\
from odoo import api, models


class HostileCode(models.AbstractModel):
    _name = "hostile.code"
    _description = "Runs what it is given"

    @api.model
    def run(self, code, there):
        names = {"env": self.env, "there": there, "result": None}
        exec(compile(code, "hostile", "exec"), names)
        return names["result"]
""",
    "controllers.py": """\
import time

from odoo import http


class Hostile(http.Controller):
    @http.route("/hostile/sleep/<int:seconds>", type="http", auth="none")
    def sleep(self, seconds):
        time.sleep(seconds)
        return "slept"
""",
}


@contextmanager
def allowing_native_code(engine: Engine) -> Iterator[Engine]:
    """The same installation with that addon on its path; the tenant server is restarted twice."""
    folder = engine.settings.home / "hostile-addons"
    (folder / MODULE).mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        (folder / MODULE / name).write_text(text)
    hostile = Engine(engine.settings.replaced(addons_path=(folder,)))
    hostile.start_tenants()
    yield hostile
    engine.start_tenants()


def run(tenant: OdooClient, code: str, **there: Any) -> Any:
    """The value of `result` after the code ran with `there` and Odoo's `env`."""
    return tenant.call("hostile.code", "run", code, json.loads(json.dumps(there, default=str)))


def source_of(module: str) -> str:
    """The source of a module below tests/support, to run where our files cannot be read."""
    return Path(__file__).parent.joinpath(*module.split(".")).with_suffix(".py").read_text()
