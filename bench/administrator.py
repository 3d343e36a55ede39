"""What a customer's administrator does in his first minutes, as far as the server sees it."""

from __future__ import annotations

import re
from contextlib import closing

from bench.figures import MeasurementFailed
from tenantry.model.instance import Creation
from tenantry.odoo.probe import Route
from tenantry.odoo.rpc import OdooSession

MODELS = ("res.partner", "res.users", "res.company", "res.country", "ir.cron", "ir.attachment")
RECORDS = 200
_AT_ONCE = 10
_ASSET = re.compile(r'(?:src|href)="(/web/assets/[^"]+)"')
_VIEWS = [[False, "list"], [False, "form"], [False, "search"]]
_PAGE = 80


def work(route: Route, creation: Creation) -> None:
    """Log in, load the web client with its assets, open views and lists, and make records.

    Raises LoginRefused, CallRefused, MeasurementFailed.
    """
    session = OdooSession(route, creation.instance.name, creation.login, creation.password)
    with closing(session.http) as http:
        page = http.get("/odoo")
        assets = _ASSET.findall(page.text)
        if page.status_code != 200 or not assets:
            raise MeasurementFailed(f"the web client answered {page.status_code}")
        for asset in assets:
            http.get(asset)
        for model in MODELS:
            session.call(model, "get_views", views=_VIEWS, options={"toolbar": True})
            shown = {"display_name": {}}
            session.call(model, "web_search_read", [], specification=shown, limit=_PAGE, count_limit=10_001)
        for start in range(0, RECORDS, _AT_ONCE):
            partners = [{"name": f"Partner {start + number}"} for number in range(_AT_ONCE)]
            session.call("res.partner", "create", partners)
