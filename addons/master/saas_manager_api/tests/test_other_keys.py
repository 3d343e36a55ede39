"""X2: on no route can a key see anything of another customer or another company."""

import re
import uuid
from dataclasses import dataclass

from odoo.tests import new_test_user, tagged

from .common import ORIGIN, ApiCase

_NAME = "secret-one"
_WISHES = {"clientName": _NAME, "adminEmail": "eve@evil.example", "companyName": "Evil"}


@dataclass(frozen=True)
class Call:
    """A call of a route with another's key, and the expected status.

    statuses: for the key of a customer, of another company's manager, and for a publishable one.
    """

    statuses: tuple
    query: str = ""
    body: dict | None = None


_CALLS = {
    "get /provisioning/request_status/{request_id}": Call((403, 404, 404)),
    "get /provisioning/instance_info/{subdomain}": Call((404, 404, 403)),
    "get /provisioning/instance_logs/{subdomain}": Call((404, 404, 403)),
    "post /provisioning/manage_instance/{subdomain}": Call((404, 404, 403), body={"action": "suspend"}),
    "post /provisioning/manage_request/{request_id}": Call((403, 404, 403), body={"action": "retry"}),
    "post /instances/{subdomain}/login_link": Call((404, 404, 403), body={}),
    "post /instances/{subdomain}/reset_password": Call((404, 404, 403), body={}),
    "post /instances/{subdomain}/welcome": Call((404, 404, 403), body={}),
    "get /instances/{instance_id}": Call((403, 404, 404)),
    "get /provisioning/instances": Call((200, 200, 403), "?search=secret"),
    "get /provisioning/requests": Call((403, 200, 403), "?limit=500"),
    "get /provisioning/me": Call((200, 200, 403)),
    "get /provisioning/plans": Call((200, 200, 200)),
    "get /provisioning/templates": Call((200, 200, 200)),
    "get /provisioning/countries": Call((200, 200, 200)),
    "get /provisioning/health": Call((200, 200, 200)),
    # Whether a name is taken is public; who owns it is not.
    "get /provisioning/validate_subdomain": Call((200, 200, 200), f"?subdomain={_NAME}"),
    "post /provisioning/validate_subdomain": Call((200, 200, 200), body={"subdomain": _NAME}),
    "post /provisioning/create_instance": Call((403, 409, 409), body={"subdomain": _NAME}),
    "post /instances": Call((403, 409, 409), body=_WISHES),
    # The mail's token grants access, whatever key is sent with it.
    "get /signup/confirm": Call((403, 403, 403), "?token=AAAA"),
    "post /signup/confirm": Call((403, 403, 403), "?token=AAAA"),
}


@tagged("post_install", "-at_install")
class TestOtherKeys(ApiCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users["portal"].partner_id.parent_id = cls.customer
        company = cls.env["res.company"].create({"name": "Elsewhere"})
        there = new_test_user(
            cls.env, "there", "saas_manager.group_saas_manager",
            company_id=company.id, company_ids=company.ids,
        )  # fmt: skip
        cls.strangers = (cls.keys["portal"], cls._make_key(there), cls.publishable.key)

    def setUp(self):
        super().setUp()
        self.request = self._created(
            subdomain=_NAME, company_name="Secret Ltd", customer_email="ceo@secret.example"
        )
        self.known = (_NAME, self.request.reference, "Secret Ltd", "secret.example", f"{_NAME}.localhost")

    def test_no_route_reveals_or_changes_anything_of_others(self):
        document = self._ask("/openapi.json", key=None).json()
        before = self._record()
        for path, operations in document["paths"].items():
            for method in operations:
                route = f"{method} {path}"
                self.assertIn(route, _CALLS, "Say in _CALLS how another's key calls it.")
                for number, status in enumerate(_CALLS[route].statuses):
                    with self.subTest(route=route, key=("customer", "company", "publishable")[number]):
                        self._check(method, path, _CALLS[route], self.strangers[number], status)
        self.assertEqual(self._record(), before)

    def test_the_same_calls_succeed_with_the_right_key(self):
        """Otherwise the calls would be refused whatever the code does."""
        for route, call in _CALLS.items():
            method, path = route.split()
            if "{" in path and method == "get":
                with self.subTest(route=route):
                    answer = self._send(method, self._named(path), call, "manager")
                    self.assertEqual(answer.status_code, 200, answer.text)
        listed = self._send("get", "/provisioning/instances", Call((), "?search=secret"), "manager")
        self.assertIn("Secret Ltd", listed.text)

    # ------------------------------------------------------------

    def _check(self, method, path, call, key, status):
        named = self._named(path)
        answer = self._send(method, named, call, key)
        self.assertEqual(answer.status_code, status, answer.text)
        asked = f"{named}{call.query}{call.body}"
        told = answer.text
        for word in self.known:
            if word not in asked:
                self.assertNotIn(word, told)
        if parameter := re.search(r"{\w+}", path):
            missing = str(uuid.uuid4())
            nothing = self._send(method, path.replace(parameter[0], missing), call, key)
            self.assertEqual(nothing.status_code, status)
            name = self._named(parameter[0])
            self.assertEqual(told.replace(name, ""), nothing.text.replace(missing, ""))

    def _named(self, path):
        """The path, for the other customer's record."""
        ids = dict.fromkeys(("request_id", "instance_id"), self.request.reference)
        return path.format(subdomain=_NAME, **ids)

    def _send(self, method, path, call, key):
        body = call.body
        if path == "/provisioning/create_instance":
            body = self._wishes(**body)
        with self._jobs():
            return self._ask(f"{path}{call.query}", body, key, method.upper(), Origin=ORIGIN)

    def _record(self):
        """The values that could have been changed."""
        self.env.invalidate_all()
        instance = self.request.instance_id
        requests = self.env["saas.instance.request"].search_count([])
        return self.request.state, instance.state, instance.operation, instance.write_date, requests
