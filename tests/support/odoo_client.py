"""A person at an Odoo's web client, as far as tests need one."""

from __future__ import annotations

from typing import Any

import httpx

from tenantry.engine import Engine
from tenantry.model.instance import Creation
from tenantry.model.secret import Secret
from tenantry.odoo.probe import Route


class OdooError(Exception):
    """Odoo refused a call; what it said."""


def browser(route: Route) -> httpx.Client:
    """A browser that has only that site open, and is nobody there yet."""
    host, port = route.address
    return httpx.Client(base_url=f"http://{host}:{port}", headers={"Host": route.host}, timeout=60)


class WebClient:
    """Logged in to an Odoo over HTTP."""

    def __init__(self, route: Route, database: str, login: str, password: Secret) -> None:
        self.name, self.http = database, browser(route)
        wanted = {"db": database, "login": login, "password": password.reveal()}
        self.session = self.post("/web/session/authenticate", **wanted)

    def post(self, path: str, **params: Any) -> Any:
        """A JSON-RPC call's result. Raises OdooError."""
        answer = self.http.post(path, json={"jsonrpc": "2.0", "method": "call", "params": params}).json()
        if "error" in answer:
            data = answer["error"].get("data", {})
            raise OdooError(data.get("message") or answer["error"]["message"])
        return answer.get("result")

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        params = {"model": model, "method": method, "args": list(args), "kwargs": kwargs}
        return self.post(f"/web/dataset/call_kw/{model}/{method}", **params)


class OdooClient(WebClient):
    """Logged in to an instance as its administrator."""

    def __init__(self, engine: Engine, creation: Creation) -> None:
        name = creation.instance.name
        super().__init__(engine.runtime.route(name), name, creation.login, creation.password)

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
