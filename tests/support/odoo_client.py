"""A person at an Odoo's web client, as far as tests need one."""

from __future__ import annotations

from tenantry.engine import Engine
from tenantry.errors import CallRefused as OdooError
from tenantry.model.instance import Creation
from tenantry.odoo.rpc import OdooSession as WebClient
from tenantry.odoo.rpc import browser

__all__ = ["OdooClient", "OdooError", "WebClient", "browser"]


class OdooClient(WebClient):
    """Logged in to an instance as its administrator."""

    def __init__(self, engine: Engine, creation: Creation) -> None:
        name = creation.instance.name
        super().__init__(engine.context.route(name), name, creation.login, creation.password)

    def sql(self, statement: str) -> str:
        """Run SQL in a server action, which an administrator may write; its rows as text."""
        code = (
            f"env.cr.execute({statement!r})\n"
            "rows = str(env.cr.fetchall()) if env.cr.description else ''\n"
            "action = {'type': 'ir.actions.act_window_close', 'infos': {'rows': rows}}\n"
        )
        model = self.call("ir.model", "search", [["model", "=", "res.partner"]])[0]
        values = {"name": "sql", "model_id": model, "state": "code", "code": code}
        action = self.call("ir.actions.server", "create", [values])
        result = self.call("ir.actions.server", "run", action)
        return str(result["infos"]["rows"])
