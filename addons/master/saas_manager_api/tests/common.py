"""Shared by the tests of the API: a key for each kind of user, and real HTTP requests."""

from odoo.addons.saas_manager.tests.common import SaasCase
from odoo.tests import HttpCase

ORIGIN = "https://www.example.com"


class ApiCase(SaasCase, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["saas.api.count"].search([]).unlink()
        cls.env["saas.plan"].search([("id", "!=", cls.plan.id)]).active = False
        cls.env["saas.template"].search([("id", "!=", cls.template.id)]).active = False
        cls.keys = {name: cls._make_key(user) for name, user in cls.users.items()}
        cls.publishable = cls.env["saas.api.key.publishable"].create({"name": "Site", "origins": ORIGIN})

    @classmethod
    def _make_key(cls, user, scope="saas"):
        return cls.env["res.users.apikeys"].with_user(user).sudo()._generate(scope, "test", None)

    def _call(self, path, body=None, key="manager", method=None, **headers):
        """The status and the answer of a request; a key is named by its kind of user."""
        answer = self._ask(path, body, key, method, **headers)
        return answer.status_code, answer.json()

    def _ask(self, path, body=None, key="manager", method=None, **headers):
        if key:
            headers["X-API-Key"] = self.keys.get(key, key)
        self.env.flush_all()
        method = method or ("POST" if body is not None else "GET")
        return self.url_open(f"/api{path}", json=body, headers=headers, method=method)

    def _sign_up_from(self, origin=ORIGIN, subdomain="acme", **values):
        body = {"clientName": subdomain, "adminEmail": "ann@acme.example", "companyName": "Acme", **values}
        return self._call("/instances", body, key=self.publishable.key, Origin=origin)

    def _wishes(self, subdomain="acme", **values):
        return {
            "customer_email": "ann@acme.example",
            "customer_name": "Ann Acme",
            "company_name": "Acme Ltd",
            "plan_id": self.plan.id,
            "subdomain": subdomain,
            "admin_email": "boss@acme.example",
            **values,
        }

    def _create(self, key="manager", **values):
        """The status and the answer of a creation whose job is not run."""
        with self._jobs():
            return self._call("/provisioning/create_instance", self._wishes(**values), key=key)

    def _request(self, reference):
        return self.env["saas.instance.request"].search([("reference", "=", reference)])

    def _created(self, key="manager", **values):
        """A request whose instance is active."""
        _status, told = self._create(key, **values)
        request = self._request(told["request_id"])
        self._run_provision(request.instance_id)
        return request
