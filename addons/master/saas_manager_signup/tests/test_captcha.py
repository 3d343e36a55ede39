"""A form needs a solved challenge, which is valid once; without the captcha nothing changes."""

import re
import time
from html import unescape
from unittest.mock import patch

from altcha import Challenge, Payload, create_challenge, solve_challenge
from odoo.tests import tagged
from odoo.tools import hmac

from ..models import saas_signup_captcha
from .common import SignupCase


@tagged("post_install", "-at_install")
class TestCaptcha(SignupCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["saas.api.count"].search([]).unlink()
        cls.parameters.set_param("saas_captcha.difficulty", "easy")

    def setUp(self):
        super().setUp()
        self.parameters.set_param("saas_captcha.enabled", "True")

    def _solved(self):
        """The solution in the widget's form."""
        challenge = Challenge.from_dict(self._see("/signup/captcha").json())
        return Payload(challenge, solve_challenge(challenge)).to_base64()

    def _expect_refused(self, answer):
        """With a sentence, and with the typed values."""
        self.assertEqual(answer.status_code, 422)
        self.assertIn("Please wait until the check", unescape(answer.text))
        self.assertIn('value="ann@acme.example"', answer.text)
        self.assertFalse(self.env["saas.instance.request"].search([("subdomain", "=", "acme")]))

    def test_a_form_with_a_solution_is_accepted(self):
        self.assertEqual(self._signed_up(altcha=self._solved()).state, "draft")

    def test_a_challenge_of_before_the_update_that_renamed_the_addon_is_good(self):
        secret = hmac(self.env, "saas_manager_captcha", "challenge")
        expires_at = int(time.time()) + 60
        challenge = create_challenge("PBKDF2/SHA-256", 1000, expires_at=expires_at, hmac_secret=secret)
        solution = Payload(challenge, solve_challenge(challenge)).to_base64()
        self.assertEqual(self._signed_up(altcha=solution).state, "draft")

    def test_a_form_without_a_solution_is_refused_and_keeps_what_was_typed(self):
        for altcha in ({}, {"altcha": ""}, {"altcha": "bm9uc2Vuc2U="}):
            with self.subTest(altcha=altcha):
                self._expect_refused(self._send(**altcha))

    def test_a_solution_is_valid_for_one_form(self):
        solution = self._solved()
        self._signed_up("first", altcha=solution)
        self._expect_refused(self._send(altcha=solution))
        self._expect_refused(self._send(altcha=solution + "\n"))

    def test_a_solution_is_used_up_by_a_form_with_mistakes_too(self):
        solution = self._solved()
        answer = self._send("x", altcha=solution)
        self.assertEqual(answer.status_code, 422)
        self.assertNotIn("Please wait until the check", unescape(answer.text))
        self._expect_refused(self._send(altcha=solution))

    def test_a_solution_of_yesterday_is_refused(self):
        with patch.object(saas_signup_captcha, "VALID_S", -10):
            solution = self._solved()
        self._expect_refused(self._send(altcha=solution))

    def test_a_forged_challenge_is_refused(self):
        told = self._see("/signup/captcha").json()
        challenge = Challenge.from_dict({**told, "parameters": {**told["parameters"], "cost": 1}})
        solution = Payload(challenge, solve_challenge(challenge)).to_base64()
        self._expect_refused(self._send(altcha=solution))

    def test_used_solutions_are_deleted_when_they_expire(self):
        self._signed_up(altcha=self._solved())
        used = self.env["saas.captcha.used"].search([])
        used._gc_expired()
        self.assertTrue(used.exists())
        used.expires_at = 1
        used._gc_expired()
        self.assertFalse(used.exists())

    def test_the_difficulty_is_the_setting(self):
        costs = []
        for difficulty in ("easy", "normal", "hard"):
            self.parameters.set_param("saas_captcha.difficulty", difficulty)
            costs.append(self._see("/signup/captcha").json()["parameters"]["cost"])
        self.assertEqual(costs, sorted(set(costs)))

    def test_a_disabled_captcha_is_neither_shown_nor_required(self):
        self.parameters.set_param("saas_captcha.enabled", "")
        page = self._see()
        self.assertEqual(page.status_code, 200)
        self.assertNotIn("altcha", re.sub(r"Content.*", "", page.text))
        self.assertEqual(self._see("/signup/captcha").status_code, 404)
        self.assertEqual(self._signed_up().state, "draft")

    def test_visitors_without_javascript_are_told(self):
        page = self._see()
        self.assertIn("<noscript>", page.text.partition("<altcha-widget")[2])
