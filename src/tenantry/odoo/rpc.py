"""Call the methods of Odoo's models over HTTP, as its web client does."""

from __future__ import annotations

from typing import Any

import httpx

from tenantry.errors import CallRefused, LoginRefused
from tenantry.model.secret import Secret
from tenantry.odoo.probe import Route

_TIMEOUT_S = 60


def browser(route: Route, *, keep_alive: bool = False) -> httpx.Client:
    """An HTTP client for that site, with cookies, not logged in yet.

    keep_alive: keep connections for the next request, as browsers do; the caller must close the client then.
    """
    upstream, limits = route.upstream, httpx.Limits(max_keepalive_connections=None if keep_alive else 0)
    return httpx.Client(
        base_url=f"http://{upstream.host}:{upstream.port}" if upstream.port else f"http://{upstream.host}",
        headers={"Host": route.host},
        timeout=_TIMEOUT_S,
        transport=httpx.HTTPTransport(uds=upstream.socket or None, limits=limits),
    )


class OdooSession:
    """The session of a user who is logged in. session_info: Odoo's facts about it for the web client."""

    def __init__(
        self, route: Route, database: str, login: str, password: Secret, *, keep_alive: bool = False
    ) -> None:
        """keep_alive: as of `browser`. Raises LoginRefused."""
        self.name, self.http = database, browser(route, keep_alive=keep_alive)
        wanted = {"db": database, "login": login, "password": password.reveal()}
        try:
            self.session_info: dict[str, Any] = self.post("/web/session/authenticate", **wanted)
        except CallRefused as error:
            raise LoginRefused(route.url, login) from error

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a model's method; its first argument is the list of ids. Raises CallRefused."""
        params = {"model": model, "method": method, "args": list(args), "kwargs": kwargs}
        return self.post(f"/web/dataset/call_kw/{model}/{method}", **params)

    def post(self, path: str, **params: Any) -> Any:
        """The result of a JSON-RPC call. Raises CallRefused."""
        answer = self.http.post(path, json={"jsonrpc": "2.0", "method": "call", "params": params}).json()
        if "error" in answer:
            data = answer["error"].get("data", {})
            raise CallRefused(path, data.get("message") or answer["error"]["message"])
        return answer.get("result")
