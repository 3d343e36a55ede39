"""X2, X6: a key has its user's rights, and no others."""

from unittest.mock import patch

from odoo.addons.saas_manager import gateway
from odoo.tests import tagged

from .common import ApiCase


@tagged("post_install", "-at_install")
class TestAccess(ApiCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own = cls._make_instance("own-one", "active")
        other = cls.env["res.partner"].create({"name": "Other Ltd", "is_company": True})
        cls.others = cls._make_instance("others-one", "active", partner_id=other.id)
        failing = {"name": "odoo.acme.example", "state": "failing", "reason": "It is taken."}
        cls.env["saas.instance.hostname"].create({**failing, "instance_id": cls.own.id})
        cls.users["portal"].partner_id.parent_id = cls.customer

    def test_only_administrators_can_access_the_api_s_models(self):
        for name in ("saas.api.key.publishable", "saas.api.count", "saas.api.answer"):
            for user in ("nobody", "portal", "user", "manager"):
                with self.subTest(model=name, user=user):
                    self.assertFalse(self.env[name].with_user(self.users[user]).has_access("read"))

    def test_a_customer_sees_only_their_own_instance(self):
        status, told = self._call("/provisioning/instance_info/own-one", key="portal")
        self.assertEqual((status, told["data"]["subdomain"]), (200, "own-one"))
        self.assertEqual([domain["name"] for domain in told["data"]["domains"]], ["odoo.acme.example"])
        self.assertIsNone(told["data"]["domains"][0]["reason"], "Why it failed is the operators' to know.")
        status, told = self._call("/provisioning/instance_info/others-one", key="portal")
        self.assertEqual((status, told["error_code"]), (404, "INSTANCE_NOT_FOUND"))

    def test_operators_are_told_what_an_instance_sent_and_its_customer_is_not(self):
        known = {"mail_sent": 7, "mail_per_hour": 100, "mail_refused": 1, "mail_refusal": "554 Spam"}
        with patch.object(gateway, "mail_traffic", return_value={"own-one": known}):
            mails = {
                key: self._call("/provisioning/instance_info/own-one", key=key)[1]["data"]["mails"]
                for key in ("administrator", "portal")
            }
        told = {"sent": 7, "per_hour": 100, "refused": 1, "last_refusal": "554 Spam", "last_refused_at": None}
        self.assertEqual(mails, {"administrator": told, "portal": None})

    def test_another_s_instance_and_a_missing_one_get_the_same_answer(self):
        others = self._call("/provisioning/instance_info/others-one", key="portal")[1]["error"]
        nothing = self._call("/provisioning/instance_info/nothing", key="portal")[1]["error"]
        self.assertEqual(others.replace("others-one", "nothing"), nothing)

    def test_a_customer_cannot_read_logs_or_manage_instances(self):
        for path, body in (
            ("/provisioning/instance_logs/own-one", None),
            ("/provisioning/manage_instance/own-one", {"action": "suspend"}),
        ):
            with self.subTest(path=path):
                status, told = self._call(path, body, key="portal")
                self.assertEqual((status, told["error_code"]), (403, "FORBIDDEN"))
        self.assertFalse(self.own.operation)

    def test_a_user_cannot_create_instances(self):
        for key in ("nobody", "portal", "user"):
            with self.subTest(key=key):
                status, told = self._create(key)
                self.assertEqual((status, told["error_code"]), (403, "FORBIDDEN"))
        self.assertFalse(self.env["saas.instance.request"].search([("subdomain", "=", "acme")]))

    def test_a_refusal_does_not_mention_models_or_groups(self):
        error = self._create("user")[1]["error"]
        self.assertNotIn("saas.instance", error)

    def test_terminating_needs_an_administrator_and_the_name(self):
        path, action = "/provisioning/manage_instance/own-one", {"action": "terminate"}
        named = {**action, "confirm": "own-one"}
        self.assertEqual(self._call(path, named)[0], 403)
        status, told = self._call(path, action, key="administrator")
        self.assertEqual((status, told["error_code"]), (422, "MISSING_FIELDS"))
        self.assertFalse(self.own.operation)
        with self._jobs():
            self.assertEqual(self._call(path, named, key="administrator")[0], 202)
        self.assertEqual(self.own.operation, "terminate")

    def test_a_session_is_not_accepted_as_a_key(self):
        self.authenticate("saas-administrator", "saas-administrator")
        self.assertEqual(self._call("/provisioning/plans", key=None)[0], 401)
        self.assertEqual(self._create(key=None)[0], 401)

    def test_the_try_out_page_is_for_operators_who_are_logged_in(self):
        self.assertEqual(self._call("/docs", key=None)[0], 403)
        browser = {"headers": {"Accept": "text/html"}, "allow_redirects": False}
        answer = self.url_open("/api", **browser)
        self.assertEqual((answer.status_code, answer.headers["Location"].endswith("/api/docs")), (303, True))
        answer = self.url_open("/api/docs", **browser)
        self.assertEqual(answer.status_code, 401)
        for told in ('href="/web/login?redirect=/api/docs"', "/api/openapi.json", "Public Documentation"):
            self.assertIn(told, answer.text)
        self.authenticate("saas-portal", "saas-portal")
        self.assertEqual(self._call("/docs", key=None)[0], 403)
        answer = self.url_open("/api/docs", **browser)
        self.assertEqual((answer.status_code, "/web/login" in answer.text), (403, False))
        self.authenticate("saas-user", "saas-user")
        page = self._ask("/docs", key=None)
        self.assertEqual(page.status_code, 200)
        self.assertNotIn("https://", page.text)
        self.assertEqual(self._ask("/docs/swagger-ui.css", key=None).status_code, 200)
        self.assertEqual(self._call("/docs/passwd", key=None)[0], 404)

    def test_health_is_open_to_everybody(self):
        status, told = self._call("/provisioning/health", key=None)
        self.assertEqual((status, told["data"]), (200, {"status": "healthy"}))
        self.server.state = "maintenance"
        self.assertEqual(self._call("/provisioning/health", key=None)[1]["data"], {"status": "degraded"})
