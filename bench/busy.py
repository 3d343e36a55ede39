"""Many busy tenants at the same time, on this server and on the previous one."""

from __future__ import annotations

import json

from bench.administrator import clicks, log_in
from bench.figures import Figure
from bench.installation import Installation
from bench.load import Visitor, answers_a_second, place_of, request, route_to, seconds_for_page
from tenantry.model.instance import Creation

_TENANTS = 8
_USERS_EACH = 2


def busy(installation: Installation) -> list[Figure]:
    """Users who are logged in and click without a pause; then visitors of the login pages."""
    engine, seconds = installation.engine, installation.plan.busy_s
    tenants = installation.creations[-_TENANTS:]
    routes = [route_to(engine, creation.instance.name) for creation in tenants]
    users = [_user(installation, creation) for creation in tenants for _ in range(_USERS_EACH)]
    clicks_rate = answers_a_second(users, seconds)
    for route in routes:
        seconds_for_page(route)
    pages_rate = answers_a_second(
        [Visitor.of_pages(route) for route in routes for _ in range(_USERS_EACH)], seconds
    )
    return [
        Figure("busy", f"{len(routes)} busy tenants: users' requests", "/s", (clicks_rate,)),
        Figure("busy_pages", f"{len(routes)} busy tenants: login pages", "/s", (pages_rate,)),
    ]


def _user(installation: Installation, creation: Creation) -> Visitor:
    """Raises LoginRefused, CallRefused."""
    route = route_to(installation.engine, creation.instance.name)
    session = log_in(route, creation)
    calls = clicks(session)
    cookies = "; ".join(f"{name}={value}" for name, value in session.http.cookies.items())
    session.http.close()
    headers = {"Content-Type": "application/json", "Cookie": cookies}
    return Visitor(
        place_of(route),
        [request(route, "POST", call.path, _body(call.params), **headers) for call in calls],
    )


def _body(params: dict[str, object]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
