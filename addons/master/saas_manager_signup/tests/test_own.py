"""Visitors who have an Odoo already are led to it."""

from odoo.tests import tagged

from .common import SignupCase


@tagged("post_install", "-at_install")
class TestOwn(SignupCase):
    def setUp(self):
        super().setUp()
        self.own = self._make_instance("acme", "active", url="https://acme.example.com")

    def _go(self, typed):
        return self._press("/signup/login", self._see("/signup/login"), subdomain=typed)

    def test_the_form_leads_there(self):
        self.assertIn('href="/signup/login"', self._see().text)

    def test_a_name_or_an_address_leads_to_its_login_page(self):
        for typed in ("acme", " Acme ", "acme.example.com", "https://acme.example.com/odoo/contacts"):
            with self.subTest(typed):
                answer = self._go(typed)
                self.assertEqual(answer.status_code, 303)
                self.assertEqual(answer.headers["Location"], "https://acme.example.com/web/login")

    def test_a_live_domain_of_their_own_leads_there_too(self):
        self.own.hostname_ids = [(0, 0, {"name": "odoo.acme.example"})]
        self.assertEqual(self._go("odoo.acme.example").status_code, 404)
        self.own.hostname_ids.state = "live"
        self.assertEqual(
            self._go("odoo.acme.example").headers["Location"], "https://acme.example.com/web/login"
        )

    def test_an_unknown_address_is_kept_with_a_sentence_and_leads_nowhere(self):
        self._make_instance("gone", "terminated", url="https://gone.example.com")
        for typed in (
            "nobody",
            "gone",
            "acme.evil.example",
            "//evil.example",
            "http://[",
            "javascript:alert(1)",
        ):
            with self.subTest(typed):
                answer = self._go(typed)
                self.assertEqual(answer.status_code, 404)
                self.assertIn("There is no Odoo at this address", answer.text)
                self.assertIn('aria-invalid="true"', answer.text)
        self.assertIn('value="nobody"', self._go("nobody").text)

    def test_guessing_is_limited_as_the_live_check_is(self):
        self.env["saas.api.count"].search([]).unlink()
        self._go("nobody")
        self.env.invalidate_all()
        self.assertTrue(self.env["saas.api.count"].search([("bucket", "like", "signup check")]))

    def test_a_failed_creation_shows_no_clock(self):
        clock = "M12 7.5V12l3 2"
        request = self._signed_up("beta")
        for state, has_clock in (("failed", False), ("delayed", True)):
            request.write({"state": "failed"})
            request.instance_id = self._make_instance("beta", "failed") if state == "failed" else False
            page = self._see(f"/signup/progress/{request.reference}").text
            self.assertEqual(clock in page, has_clock, state)
