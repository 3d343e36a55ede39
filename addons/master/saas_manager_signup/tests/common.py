"""Shared by the tests of the signup: a visitor with their own browser."""

import re

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.addons.saas_manager.tests.common import SaasCase
from odoo.tests import HttpCase

_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
_OPENED = re.compile(r'name="opened" value="([^"]+)"')


class SignupCase(SaasCase, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._make_mail_server()
        cls.env["saas.plan"].search([("id", "!=", cls.plan.id)]).active = False
        cls.env["saas.template"].search([("id", "!=", cls.template.id)]).active = False
        cls.parameters = cls.env["ir.config_parameter"]
        cls.parameters.set_param("saas_signup.minimum_s", "0")

    def _see(self, path="/signup", **options):
        self.env.flush_all()
        return self.url_open(path, **options)

    def _press(self, path, page, **typed):
        """Send a form of that page, without following the redirect."""
        self.env.flush_all()
        fields = {"csrf_token": _CSRF.search(page.text)[1], **typed}
        return self.url_open(path, data=fields, allow_redirects=False)

    def _wishes(self, subdomain="acme", **values):
        return {
            "company_name": "Acme Ltd",
            "customer_name": "Ann Acme",
            "customer_email": "ann@acme.example",
            "subdomain": subdomain,
            "plan": self.plan.code,
            "template": self.template.code,
            **values,
        }

    def _send(self, subdomain="acme", **values):
        page = self._see()
        typed = {"opened": _OPENED.search(page.text)[1], **self._wishes(subdomain, **values)}
        with trap_jobs() as jobs:
            answer = self._press("/signup", page, **typed)
        self.mails = [job.method_name for job in jobs.enqueued_jobs]
        return answer

    def _signed_up(self, subdomain="acme", **values):
        """The draft of the visitor who has sent the form."""
        answer = self._send(subdomain, **values)
        self.assertEqual(answer.status_code, 303, answer.text[:3000])
        return self._request(answer)

    def _request(self, answer):
        reference = answer.headers["Location"].rpartition("/")[2].partition("?")[0]
        return self.env["saas.instance.request"].search([("reference", "=", reference)])

    def _open_link(self, request):
        """The page behind the mail's link."""
        return self._see(f"/signup/confirm?token={request._token()}")

    def _confirm(self, request, **typed):
        with self._jobs():
            return self._press("/signup/confirm", self._open_link(request), **typed)

    def _forget_cookies(self):
        """Continue as another browser."""
        self.opener.cookies.clear()
