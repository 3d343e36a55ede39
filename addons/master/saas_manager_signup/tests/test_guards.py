"""Who is refused: programs, throw-away mailboxes, and visitors with too many requests."""

import re
import time
from unittest.mock import patch

from odoo.addons.saas_manager_api.errors import ApiError
from odoo.addons.saas_manager_api.exceptions import TooBusy
from odoo.addons.saas_manager_api.networks import network_of
from odoo.tests import tagged
from odoo.tools import hash_sign

from .common import SignupCase


@tagged("post_install", "-at_install")
class TestGuards(SignupCase):
    def test_a_form_without_its_token_is_refused(self):
        self._see()
        answer = self.url_open("/signup", data=self._wishes())
        self.assertEqual(answer.status_code, 400)
        self.assertFalse(self._drafts())

    def test_a_filled_in_hidden_field_is_refused(self):
        self.assertEqual(self._send(homepage="https://spam.example").status_code, 422)
        self.assertFalse(self._drafts())

    def test_a_form_sent_too_fast_is_refused(self):
        self.parameters.set_param("saas_signup.minimum_s", "60")
        answer = self._send()
        self.assertEqual(answer.status_code, 422)
        self.assertIn("very fast", answer.text)
        self.assertIn('value="Acme Ltd"', answer.text)
        self.assertFalse(self._drafts())

    def test_a_correction_may_be_faster(self):
        answer = self._send("ab")
        self.parameters.set_param("saas_signup.minimum_s", "1")
        time.sleep(1)
        opened = re.search(r'name="opened" value="([^"]+)"', answer.text)[1]
        self.assertEqual(self._send(opened=opened).status_code, 303)

    def test_a_form_that_was_open_before_the_update_that_renamed_the_addon_is_accepted(self):
        stamp = hash_sign(self.env, "saas_manager_portal.form", [time.time()])
        self.assertEqual(self._send(opened=stamp).status_code, 303)

    def test_a_forged_or_missing_stamp_is_refused(self):
        for stamp in ("", "x", "AAAA", self.env["saas.instance.request"]._stamp()[:-4] + "AAAA"):
            with self.subTest(stamp=stamp):
                self.assertEqual(self._send(opened=stamp).status_code, 422)
        self.assertFalse(self._drafts())

    def test_throw_away_mailboxes_are_refused_unless_allowed(self):
        for email in ("ann@mailinator.com", "ann@x.mailinator.com"):
            with self.subTest(email=email):
                answer = self._send(customer_email=email)
                self.assertRegex(answer.text, r'id="customer_email"[^>]*aria-invalid="true"')
        self.assertFalse(self._drafts())
        self.parameters.set_param("saas_signup.allow_disposable", "True")
        self.assertTrue(self._signed_up(customer_email="ann@mailinator.com"))

    def test_publishable_keys_do_not_bypass_the_limits(self):
        requests = self.env["saas.instance.request"]
        with self.assertRaises(ApiError):
            requests._sign_up(self._request_values("acme", customer_email="a@mailinator.com"), "10.0.0.1")

    def test_five_an_hour_from_one_address(self):
        for number in range(5):
            self._signed_up(f"acme-{number}", customer_email=f"ann{number}@acme.example")
        answer = self._send("acme-six", customer_email="ann6@acme.example")
        self.assertEqual(answer.status_code, 422)
        self.assertIn("in an hour", answer.text)
        self.assertIn('value="acme-six"', answer.text)

    def test_the_signups_an_hour_from_one_address_can_be_set(self):
        settings = self.env["res.config.settings"].create({"saas_signup_per_address": 1})
        settings.set_values()
        self._signed_up("acme-one", customer_email="ann1@acme.example")
        self.assertEqual(self._send("acme-two", customer_email="ann2@acme.example").status_code, 422)
        settings.saas_signup_per_address = 0
        settings.set_values()
        for number in range(7):
            self._signed_up(f"more-{number}", customer_email=f"more{number}@acme.example")

    def test_a_manager_who_tries_the_page_has_only_the_limit_of_each_mailbox(self):
        self.parameters.set_param("saas_signup.per_address_per_hour", "1")
        self.authenticate("saas-manager", "saas-manager")
        for number in range(5):
            self._signed_up(f"acme-{number}")
        self.assertEqual(self._send("acme-six").status_code, 422)
        self._signed_up("acme-six", customer_email="bob@acme.example")

    def test_others_who_are_logged_in_have_the_limits_of_visitors(self):
        self.parameters.set_param("saas_signup.per_address_per_hour", "1")
        for login in ("saas-user", "saas-portal"):
            self.env["saas.api.count"].search([]).unlink()
            self.authenticate(login, login)
            self._signed_up(f"acme-{login}", customer_email=f"{login}@acme.example")
            answer = self._send(f"other-{login}", customer_email=f"{login}2@acme.example")
            self.assertEqual(answer.status_code, 422, login)

    def test_visitors_without_a_known_address_have_limits_too(self):
        requests = self.env["saas.instance.request"]
        self.parameters.set_param("saas_signup.per_address_per_hour", "1")
        for address, other in ((None, ""), ("10.0.0.1", "10.0.0.1")):
            self.env["saas.api.count"].search([]).unlink()
            name = f"acme-{address or 'none'}".replace(".", "-")
            first = self._request_values(name, customer_email=f"{name}@acme.example")
            request = requests._sign_up(first, address)
            with self.assertRaises(ApiError):
                requests._sign_up(self._request_values("acme-two", customer_email="b@acme.example"), other)
            for number in range(10):
                request.customer_email = f"again{number}@acme.example"
                self.assertTrue(request._send_again(address=address))
            request.customer_email = "again@acme.example"
            self.assertFalse(request._send_again(address=other))

    def test_five_mails_an_hour_to_one_mailbox(self):
        requests = self.env["saas.instance.request"]
        for number in range(5):
            requests._sign_up(self._request_values(f"acme-{number}"), f"10.0.0.{number}")
        with self.assertRaises(ApiError):
            requests._sign_up(self._request_values("acme-six"), "10.0.0.6")

    def test_confirmed_signups_over_the_limit_wait_for_the_next_hour(self):
        self.parameters.set_param("saas_signup.cap_per_hour", "1")
        first, second = (
            self._signed_up(f"acme-{name}", customer_email=f"{name}@acme.example") for name in ("ann", "bob")
        )
        self._confirm(first)
        self._confirm(second)
        self.assertEqual((first.state, second.state), ("processing", "failed"))
        self.assertTrue(second._is_delayed())
        self.assertIn("in this hour", second.error)
        self.env["saas.api.count"].search([]).unlink()
        with self._jobs():
            self.env["saas.instance.request"]._cron_begin_delayed()
        self.assertEqual(second.state, "processing")

    def test_unconfirmed_signups_do_not_block_others(self):
        self.parameters.set_param("saas_signup.cap_per_hour", "1")
        requests = self.env["saas.instance.request"]
        for number in range(9):
            values = self._request_values(f"acme-{number}", customer_email=f"ann{number}@acme.example")
            requests._sign_up(values, f"10.0.0.{number}")
        self._confirm(self._signed_up())
        values = self._request_values("acme-more", customer_email="more@acme.example")
        with self.assertRaises(ApiError):
            requests._sign_up(values, "10.0.1.1")
        self.parameters.set_param("saas_signup.cap_per_hour", "0")
        requests._sign_up(values, "10.0.1.1")

    def test_refused_forms_count_neither_for_all_nor_for_the_mailbox(self):
        for number in range(5):
            self._signed_up(f"acme-{number}", customer_email=f"ann{number}@acme.example")
        counts = self.env["saas.api.count"]
        before = {count.bucket: count.count for count in counts.search([])}
        for _post in range(3):
            self.assertEqual(self._send("acme-six", customer_email="victim@acme.example").status_code, 422)
        self.env.invalidate_all()
        after = {count.bucket: count.count for count in counts.search([])}
        self.assertEqual(after["signup"], before["signup"])
        self.assertNotIn("signup mail victim@acme.example", after)

    def test_an_operator_s_retry_is_not_limited(self):
        self.parameters.set_param("saas_signup.cap_per_hour", "1")
        names = ("ann", "bob", "eve")
        first, second, third = (
            self._signed_up(f"acme-{name}", customer_email=f"{name}@acme.example") for name in names
        )
        self._confirm(first)
        self._confirm(second)
        with self._jobs():
            second.with_user(self.users["manager"]).action_retry()
            third.with_user(self.users["manager"]).action_submit()
        self.assertEqual((second.state, third.state), ("processing", "processing"))

    def test_one_network_of_ipv6_counts_as_one(self):
        for address, expected in (
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::9", "2001:db8:1:2::"),
            ("2001:db8:1:3::9", "2001:db8:1:3::"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("10.0.0.1", "10.0.0.1"),
            ("", ""),
        ):
            self.assertEqual(network_of(address), expected)

    def test_the_number_of_repeated_mails_is_limited(self):
        request = self._signed_up()
        path = f"/signup/sent/{request.reference}"
        told = []
        for _press in range(6):
            answer = self._press(f"/signup/again/{request.reference}", self._see(path))
            told.append(answer.headers["Location"].rpartition("=")[2])
        self.assertEqual((told[0], told[-1]), ("sent", "later"))

    def test_the_page_does_not_claim_that_a_refused_mail_was_sent(self):
        for _time in range(5):
            request = self._signed_up()
        refused = self._send(company_name="Another Ltd")
        self.assertEqual((refused.status_code, self.mails), (422, []))
        self.assertIn("in an hour", refused.text)
        self.assertEqual(request.company_name, "Acme Ltd")

    def test_the_check_is_limited(self):
        model = self.env["saas.signup"]
        for _call in range(600):
            model._count_check("10.0.0.9")
        with self.assertRaises(ApiError):
            model._count_check("10.0.0.9")

    def test_guessing_references_is_limited(self):
        with patch("odoo.addons.saas_manager_signup.models.saas_signup._CHECKS_AN_HOUR", 1):
            for path in ("/signup/check?subdomain=acme", "/signup/state/guess"):
                answer = self._see(path)
            self.assertEqual(answer.status_code, 429)
            self.assertGreater(int(answer.headers["Retry-After"]), 0)

    def test_who_asks_while_too_many_do_is_told_to_wait(self):
        busy = TooBusy("Too much at once. Please try again.")
        with patch.object(type(self.env["saas.api.count"]), "_hit", side_effect=busy):
            answer = self._see("/signup/check?subdomain=acme")
        self.assertEqual((answer.status_code, answer.headers["Retry-After"]), (503, "1"))

    def _drafts(self):
        return self.env["saas.instance.request"].search([("source", "=", "signup")])
