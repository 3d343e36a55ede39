"""Programs that call the REST API of a real master."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import requests

from tenantry.engine import Engine
from tests.support.back_office import BackOffice
from tests.support.master import ask_inside

_POLL_S = 0.2

_MAKE_KEYS = """
from odoo.tests import new_test_user
users = env["res.users"].with_context(no_reset_password=True)
found = {}
for login, group in [
    ("api-manager", "saas_manager.group_saas_manager"),
    ("api-admin", "saas_manager.group_saas_administrator"),
    ("api-portal", "base.group_portal"),
]:
    user = users.search([("login", "=", login)]) or new_test_user(env, login, group, password=login * 3)
    found[login] = env["res.users.apikeys"].with_user(user).sudo()._generate("saas", "test", None)
    found[f"{login} partner"] = user.partner_id.id
env.cr.commit()
answer = found
"""


def make_keys(engine: Engine) -> dict[str, Any]:
    """A key of a manager, of an administrator and of a customer."""
    return ask_inside(engine, _MAKE_KEYS)


def set_hourly_limit(office: BackOffice, limit: int) -> None:
    """Limit the requests per hour, of each key and without a key."""
    for name in ("requests_per_hour", "keyless_per_hour"):
        office.call("ir.config_parameter", "set_param", f"saas_api.{name}", str(limit))


@dataclass(frozen=True)
class ApiClient:
    """A client as an integrator would write it."""

    root: str
    key: str

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(f"{self.root}{path}", headers=self._headers(headers), timeout=30)

    def post(self, path: str, body: Any, **headers: str) -> requests.Response:
        return requests.post(f"{self.root}{path}", json=body, headers=self._headers(headers), timeout=30)

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", **headers} if self.key else headers

    def wait(self, path: str, field: str, states: set[str], timeout_s: float = 180) -> dict[str, Any]:
        """Poll until a field, perhaps inside `data`, has one of these values."""
        deadline = time.monotonic() + timeout_s
        while True:
            told = self.get(path).json()
            told = told.get("data", told)
            if told[field] in states:
                return told
            assert time.monotonic() < deadline, told
            time.sleep(_POLL_S)
