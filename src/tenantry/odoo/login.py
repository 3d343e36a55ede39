"""Log in to an Odoo over HTTP, as a browser does."""

from __future__ import annotations

import re
import time

import httpx

from tenantry.errors import LoginRefused, ProbeFailed
from tenantry.model.secret import Secret
from tenantry.odoo.probe import LOGIN_PATH, Route
from tenantry.odoo.rpc import browser

_CSRF = re.compile(r'name="csrf_token"\s+value="([^"]+)"')
_ASSET = re.compile(r'(?:src|href)="(/web/assets/[^"]+)"')


def log_in(route: Route, database: str, login: str, password: Secret) -> float:
    """Send the login form, then load the first page with its assets; return the seconds that this page took.

    Raises LoginRefused for a wrong login or password, ProbeFailed if a page does not load.
    """
    with browser(route, keep_alive=True) as visitor:
        form = visitor.get(LOGIN_PATH)
        token = _CSRF.search(form.text)
        if not token:
            raise ProbeFailed(route.url + LOGIN_PATH, 200, f"{form.status_code} without a form", 0)
        answer = visitor.post(
            LOGIN_PATH, data={"csrf_token": token[1], "login": login, "password": password.reveal()}
        )
        location = answer.headers.get("location", "")
        if answer.status_code != httpx.codes.SEE_OTHER or "login" in location:
            raise LoginRefused(route.url, login)
        began = time.monotonic()
        path = httpx.URL(location).path
        _load_page(visitor, route, path)
        return time.monotonic() - began


def _load_page(visitor: httpx.Client, route: Route, path: str) -> None:
    """Load a page with its scripts and styles, following redirects on the same host."""
    for _ in range(5):
        page = visitor.get(path)
        if not page.is_redirect:
            break
        path = httpx.URL(page.headers["location"]).path
    assets = _ASSET.findall(page.text)
    answers = [page, *(visitor.get(asset) for asset in assets)]
    for answer in answers:
        if answer.status_code != httpx.codes.OK:
            raise ProbeFailed(str(answer.url), 200, str(answer.status_code), 0)
    if not assets:
        raise ProbeFailed(route.url + path, 200, "a page without web assets", 0)
