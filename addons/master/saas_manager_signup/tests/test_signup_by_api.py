"""A6: a publishable key only allows signing up; nothing is created before the address is confirmed."""

from urllib.parse import urlsplit

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.addons.saas_manager_api.tests.common import ORIGIN, ApiCase
from odoo.exceptions import ValidationError
from odoo.tests import tagged


@tagged("post_install", "-at_install")
class TestSignup(ApiCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._make_mail_server()

    def _signed_up(self, **values):
        with trap_jobs() as jobs:
            status, told = self._sign_up_from(**values)
            self.assertEqual(status, 202, told)
            request = self._request(told["instanceId"])
            jobs.assert_jobs_count(1, only=request._deliver_mail)
        return request

    def _link(self, request):
        parts = urlsplit(request._mail_secrets("saas_manager.mail_template_verify_email")["verification_url"])
        return f"{parts.path.removeprefix('/api')}?{parts.query}"

    def test_nothing_is_created_before_the_address_is_confirmed(self):
        request = self._signed_up()
        self.assertEqual((request.state, request.source), ("draft", "signup"))
        self.assertFalse(request.instance_id)
        told = self._call(f"/instances/{request.reference}", key=self.publishable.key, Origin=ORIGIN)[1]
        self.assertEqual((told["status"], told["adminPassword"]), ("creating", None))
        self.assertIn("confirmed", told["message"])

    def test_opening_the_link_creates_nothing_and_the_button_creates_once(self):
        request = self._signed_up()
        link = self._link(request)
        page = self._ask(link, key=None)
        self.assertEqual(page.status_code, 200)
        self.assertIn('<form method="post">', page.text)
        self.assertEqual(request.state, "draft")
        with self._jobs():
            for _press in range(2):
                status, told = self._call(link, key=None, method="POST")
                self.assertEqual((status, told["state"]), (200, "processing"))
        self.assertEqual(request.instance_id.subdomain, "acme")
        self.assertNotIn("<form", self._ask(link, key=None).text)

    def test_the_password_never_goes_to_a_browser(self):
        request = self._signed_up()
        with self._jobs():
            self._call(self._link(request), key=None, method="POST")
        self._run_provision(request.instance_id)
        told = self._call(f"/instances/{request.reference}", key=self.publishable.key, Origin=ORIGIN)[1]
        self.assertEqual((told["status"], told["adminPassword"]), ("ready", None))

    def test_the_reason_of_a_failure_never_goes_to_a_browser(self):
        request = self._signed_up()
        with self._jobs():
            self._call(self._link(request), key=None, method="POST")
            request.instance_id.sudo()._fail("relation res_users is broken")
        for path in (f"/instances/{request.reference}", f"/provisioning/request_status/{request.reference}"):
            with self.subTest(path=path):
                self.assertIn("res_users", self._ask(path).text)
                visitors = self._ask(path, key=self.publishable.key, Origin=ORIGIN)
                self.assertEqual(visitors.status_code, 200)
                self.assertNotIn("res_users", visitors.text)

    def test_a_forged_link_is_refused(self):
        token = self._link(self._signed_up()).partition("token=")[2]
        for wrong in ("x", "AAAA", token[:-2] + "AA", "B" + token[1:]):
            with self.subTest(token=wrong):
                status, told = self._call(f"/signup/confirm?token={wrong}", key=None, method="POST")
                self.assertEqual((status, told["error_code"]), (403, "FORBIDDEN"))

    def test_the_mail_contains_the_link_and_its_note_does_not(self):
        request = self._signed_up()
        template = "saas_manager.mail_template_verify_email"
        secrets = request.sudo()._mail_secrets(template)
        note = request.sudo()._mail_note(template, ["ann@acme.example"], secrets)
        self.assertNotIn("token=", note)
        renderer = request.sudo()._mail_template(template, **secrets)
        body = renderer._generate_template(request.ids, ("body_html",))[request.id]["body_html"]
        self.assertIn("/signup/confirm?token=", body)

    def test_a_publishable_key_only_allows_signing_up(self):
        self._make_instance("other", "active")
        key = self.publishable.key
        for path, body in (
            ("/provisioning/instance_info/other", None),
            ("/provisioning/instance_logs/other", None),
            ("/provisioning/manage_instance/other", {"action": "suspend"}),
        ):
            with self.subTest(path=path):
                status, told = self._call(path, body, key=key, Origin=ORIGIN)
                self.assertEqual((status, told["error_code"]), (403, "FORBIDDEN"))
        others = self._create()[1]["request_id"]
        for path in (f"/instances/{others}", f"/provisioning/request_status/{others}"):
            self.assertEqual(self._call(path, key=key, Origin=ORIGIN)[0], 404)
        for path in ("/provisioning/plans", "/provisioning/validate_subdomain?subdomain=free"):
            self.assertEqual(self._call(path, key=key, Origin=ORIGIN)[0], 200)

    def test_a_publishable_key_neither_finds_nor_orders_what_is_not_shown(self):
        self._make_plan("secret", is_shown=False)
        self._make_template("inside", is_shown=False)
        for noun, shown in (("plans", ["small"]), ("templates", ["shop"])):
            path = f"/provisioning/{noun}"
            told = self._call(path, key=self.publishable.key, Origin=ORIGIN)[1]["data"]
            self.assertEqual([row["code"] for row in told], shown)
        for choice in ({"plan": "secret"}, {"template": "inside"}):
            with self.subTest(choice=choice):
                status, told = self._sign_up_from(**choice)
                self.assertEqual((status, told["error_code"]), (422, "VALIDATION_ERROR"))

    def test_a_publishable_key_works_only_on_its_web_sites(self):
        for origin in ("https://evil.example", "http://www.example.com", "null"):
            with self.subTest(origin=origin):
                status, told = self._sign_up_from(origin)
                self.assertEqual((status, told["error_code"]), (403, "FORBIDDEN"))
        body = {"clientName": "acme", "adminEmail": "ann@acme.example", "companyName": "Acme"}
        self.assertEqual(self._call("/instances", body, key=self.publishable.key)[0], 403)
        self.publishable.active = False
        self.assertEqual(self._sign_up_from()[0], 401)

    def test_five_an_hour_from_one_address(self):
        for number in range(5):
            self._signed_up(subdomain=f"acme-{number}")
        status, told = self._sign_up_from(subdomain="acme-six")
        self.assertEqual((status, told["error_code"]), (429, "RATE_LIMITED"))

    def test_a_taken_name_is_refused_at_once(self):
        self._make_instance("acme", "active")
        status, told = self._sign_up_from()
        self.assertEqual((status, told["error_code"]), (409, "SUBDOMAIN_TAKEN"))

    def test_unconfirmed_requests_are_deleted(self):
        old, new = self._signed_up(subdomain="old-one"), self._signed_up(subdomain="new-one")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE saas_instance_request SET link_sent_at = now() - interval '49 hours' WHERE id = %s",
            [old.id],
        )
        self.env.invalidate_all()
        self.env["saas.instance.request"]._gc_unconfirmed()
        self.assertFalse(old.exists())
        self.assertTrue(new.exists())

    def test_an_origin_is_a_protocol_and_a_host(self):
        for wrong in ("www.example.com", "https://www.example.com/contact", "*", "null"):
            with self.subTest(origin=wrong), self.assertRaises(ValidationError):
                self.publishable.origins = wrong

    def test_an_origin_may_be_typed_as_it_stands_in_the_address_bar(self):
        self.publishable.origins = "https://WWW.example.com/, http://localhost:8926/ https://a.example:443"
        typed = ["https://www.example.com", "http://localhost:8926", "https://a.example"]
        self.assertEqual(self.publishable.origins.split(), typed)
        self.assertEqual(self._sign_up_from("https://www.example.com")[0], 202)

    def test_the_key_s_form_has_the_snippet_for_the_web_site(self):
        snippet = self.publishable.snippet
        self.assertIn(f'src="{self.publishable.get_base_url()}/api/signup.js"', snippet)
        self.assertIn(f'<tenantry-signup key="{self.publishable.key}"></tenantry-signup>', snippet)
