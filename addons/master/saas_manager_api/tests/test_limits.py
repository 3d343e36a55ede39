"""A7: requests per hour are limited for each key, and answers contain the limits."""

from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from .common import ORIGIN, ApiCase


@tagged("post_install", "-at_install")
class TestLimits(ApiCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param("saas_api.requests_per_hour", "3")

    def _plans(self, key="user", **headers):
        return self._ask("/provisioning/plans", key=key, **headers)

    def test_requests_over_the_limit_are_refused_until_the_hour_is_over(self):
        left = [self._plans().headers["RateLimit-Remaining"] for _request in range(3)]
        self.assertEqual(left, ["2", "1", "0"])
        refused = self._plans()
        self.assertEqual((refused.status_code, refused.json()["error_code"]), (429, "RATE_LIMITED"))
        wait_s = int(refused.headers["Retry-After"])
        self.assertTrue(0 < wait_s <= 3600)
        self.assertEqual(refused.headers["RateLimit-Limit"], "3")
        counts = self.env["saas.api.count"].search([])
        counts.began_at = fields.Datetime.now() - timedelta(hours=2)
        self.assertEqual(self._plans().status_code, 200)
        counts._gc_counts()
        self.assertFalse(counts.exists())

    def test_each_key_is_counted_separately(self):
        for _request in range(4):
            self._plans()
        self.assertEqual(self._plans(key="manager").status_code, 200)

    def test_requests_without_a_key_are_counted_by_address(self):
        self.env["ir.config_parameter"].set_param("saas_api.keyless_per_hour", "2")
        answers = [self._ask("/provisioning/health", key=None) for _time in range(3)]
        self.assertEqual([answer.status_code for answer in answers], [200, 200, 429])
        self.assertEqual([answer.headers["RateLimit-Remaining"] for answer in answers], ["1", "0", "0"])
        self.assertTrue(answers[2].headers["Retry-After"])
        self.assertEqual(self._ask("/openapi.json", key=None).status_code, 429)
        self.assertEqual(self._plans().status_code, 200)

    def test_zero_means_no_limit(self):
        self.env["ir.config_parameter"].set_param("saas_api.requests_per_hour", "0")
        answers = [self._plans() for _request in range(5)]
        self.assertEqual({answer.status_code for answer in answers}, {200})
        self.assertNotIn("RateLimit-Limit", answers[0].headers)

    def test_every_answer_has_a_request_id_and_security_headers(self):
        for answer in (self._plans(), self._plans(key=None), self._ask("/none")):
            self.assertRegex(answer.headers["X-Request-ID"], r"^[0-9a-f]{32}$")
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(answer.headers["Cache-Control"], "no-store")
            self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
            self.assertNotIn("Set-Cookie", answer.headers)
        self.assertEqual(self._plans(**{"X-Request-ID": "mine"}).headers["X-Request-ID"], "mine")
        forged = self._plans(**{"X-Request-ID": "two words"})
        self.assertNotIn(" ", forged.headers["X-Request-ID"])

    def test_only_listed_web_sites_may_read_answers(self):
        self.env["ir.config_parameter"].set_param("saas_api.cors_origins", "https://shop.example.com")
        for origin, allowed in (
            ("https://shop.example.com", True),
            (ORIGIN, True),
            ("https://evil.example", False),
            ("null", False),
        ):
            with self.subTest(origin=origin):
                preflight = self._ask(
                    "/instances",
                    key=None,
                    method="OPTIONS",
                    Origin=origin,
                    **{"Access-Control-Request-Method": "POST"},
                )
                self.assertEqual(preflight.status_code, 204)
                for answer in (preflight, self._ask("/provisioning/health", key=None, Origin=origin)):
                    told = answer.headers.get("Access-Control-Allow-Origin")
                    self.assertEqual(told, origin if allowed else None)
