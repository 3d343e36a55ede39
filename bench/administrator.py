"""The requests of a customer's administrator in their first minutes.

This file must also run with the code of the previous server: see `old_server.py`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from bench.figures import MeasurementFailed
from tenantry.model.instance import Creation
from tenantry.odoo.probe import Route
from tenantry.odoo.rpc import OdooSession

MODELS = ("res.partner", "res.users", "res.company", "res.country", "ir.cron", "ir.attachment")
RECORDS = 200
_AT_ONCE = 10
_ASSET = re.compile(r'(?:src|href)="(/web/assets/[^"]+)"')
_PAGE, _COUNT_LIMIT = 80, 10_001
_VIEWS = {"views": [[False, "list"], [False, "form"], [False, "search"]], "options": {"toolbar": True}}
_COLUMNS: dict[str, Any] = {
    "complete_name": {},
    "email": {},
    "phone": {},
    "city": {},
    "active": {},
    "country_id": {"fields": {"display_name": {}}},
    "user_id": {"fields": {"display_name": {}}},
    "category_id": {"fields": {"display_name": {}, "color": {}}},
}


@dataclass(frozen=True)
class Call:
    """A method of a model, as the web client calls it."""

    model: str
    method: str
    args: Sequence[Any] = ()
    kwargs: Any = None

    @property
    def path(self) -> str:
        return f"/web/dataset/call_kw/{self.model}/{self.method}"

    @property
    def params(self) -> dict[str, Any]:
        return {"model": self.model, "method": self.method, "args": self.args, "kwargs": self.kwargs or {}}


def log_in(route: Route, creation: Creation) -> OdooSession:
    """With connections held, as browsers do; the version before knows nothing else. Raises LoginRefused."""
    known = inspect.signature(OdooSession).parameters
    options = {"keep_alive": True} if "keep_alive" in known else {}
    return OdooSession(route, creation.instance.name, creation.login, creation.password, **options)


def work(route: Route, creation: Creation) -> None:
    """Log in, load the web client with its assets, open views and lists, and make records.

    Raises LoginRefused, CallRefused, MeasurementFailed.
    """
    session = log_in(route, creation)
    with closing(session.http):
        _open_web_client(session)
        for model in MODELS:
            _ask(session, Call(model, "get_views", kwargs=_VIEWS))
            _ask(session, _list(model, {"display_name": {}}))
        for start in range(0, RECORDS, _AT_ONCE):
            partners = [{"name": f"Partner {start + number}"} for number in range(_AT_ONCE)]
            _ask(session, Call("res.partner", "create", [partners]))


def clicks(session: OdooSession) -> list[Call]:
    """The requests of opening, searching, changing and leaving contacts; each was answered once.

    Raises CallRefused.
    """
    name = [{"name": "Clicked"}]
    (partner,) = _ask(session, Call("res.partner", "create", [name]))
    found = [["complete_name", "ilike", "a"]]
    calls = [
        Call("res.partner", "get_views", kwargs=_VIEWS),
        _list("res.partner", _COLUMNS),
        _list("res.partner", _COLUMNS, found),
        Call("res.partner", "web_read", [[partner]], {"specification": _COLUMNS}),
        Call("res.partner", "onchange", [[], {}, [], {**_COLUMNS, "name": {}, "is_company": {}}]),
        Call("res.partner", "web_save", [[partner], {"city": "Hanoi"}], {"specification": _COLUMNS}),
        Call("res.users", "web_read", [[session.session_info["uid"]]], {"specification": {"name": {}}}),
    ]
    for call in calls:
        _ask(session, call)
    return calls


def _list(model: str, columns: Any, domain: Sequence[Any] = ()) -> Call:
    wishes = {"specification": columns, "limit": _PAGE, "count_limit": _COUNT_LIMIT}
    return Call(model, "web_search_read", [list(domain)], wishes)


def _ask(session: OdooSession, call: Call) -> Any:
    return session.call(call.model, call.method, *call.args, **(call.kwargs or {}))


def _open_web_client(session: OdooSession) -> None:
    page = session.http.get("/odoo")
    assets = _ASSET.findall(page.text)
    if page.status_code != 200 or not assets:
        raise MeasurementFailed(f"the web client answered {page.status_code}")
    for asset in assets:
        session.http.get(asset)
