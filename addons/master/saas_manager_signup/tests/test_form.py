"""The form: its offers, its errors, and that no typed value is lost."""

from lxml import html
from odoo.tests import tagged

from .common import SignupCase


@tagged("post_install", "-at_install")
class TestForm(SignupCase):
    def test_sending_the_form_sends_one_mail_and_creates_nothing(self):
        request = self._signed_up()
        self.assertEqual((request.state, request.source), ("draft", "signup"))
        self.assertFalse(request.instance_id)
        self.assertEqual(self.mails, ["_deliver_mail"])
        secrets = request._mail_secrets("saas_manager.mail_template_verify_email")
        self.assertIn("/signup/confirm?token=", secrets["verification_url"])

    def test_the_address_of_the_page_preselects_choices(self):
        other = self._make_plan("large")
        page = self._see(f"/signup?plan={other.code}&email=ann%40acme.example&company=Acme").text
        self.assertRegex(page, r'value="large" checked="checked"')
        self.assertIn('value="ann@acme.example"', page)
        self.assertIn('value="Acme"', page)
        self.assertIn('value="acme"', page)

    def test_errors_are_shown_at_their_fields_and_the_rest_is_kept(self):
        answer = self._send("ab", customer_email="nowhere", company_name="")
        self.assertEqual(answer.status_code, 422)
        for name in ("company_name", "customer_email"):
            self.assertRegex(answer.text, rf'id="{name}"[^>]*aria-invalid="true"[^>]*{name}-fault')
            self.assertIn(f'href="#{name}"', answer.text)
        self.assertIn("at least 3 characters", answer.text)
        self.assertIn('value="Ann Acme"', answer.text)
        self.assertIn('value="Ann Acme"', self._see().text)
        self.assertFalse(self.env["saas.instance.request"].search([("subdomain", "=", "ab")]))

    def test_unavailable_names_are_refused_with_suggestions(self):
        self._make_instance("acme", "active")
        for name, sentence in (
            ("acme", "is taken"),
            ("www", "is taken"),
            ("-acme", "letters a to z"),
            ("12345", "at least one letter"),
        ):
            with self.subTest(name=name):
                answer = self._send(name)
                self.assertEqual(answer.status_code, 422)
                self.assertIn(sentence, answer.text)
        self.assertIn("acme-2", self._send("acme").text)

    def test_a_suggestion_works_without_javascript(self):
        self._make_instance("acme", "active")
        self.assertEqual(self._signed_up("acme", instead="acme-2").subdomain, "acme-2")

    def test_a_plan_is_sold_with_its_own_templates_only(self):
        other = self._make_template("cafe")
        self.plan.template_ids = self.template
        answer = self._send(template=other.code)
        self.assertEqual(answer.status_code, 422)
        self.assertIn("does not include", answer.text)
        self.assertEqual(self._send(plan="nothing").status_code, 422)

    def test_a_template_that_is_not_ready_is_not_offered(self):
        raw = self._make_template("raw", "draft")
        self.assertNotIn('value="raw"', self._see().text)
        self.assertEqual(self._send(template=raw.code).status_code, 422)

    def test_a_plan_or_template_that_is_not_shown_is_neither_offered_nor_sold(self):
        self._make_plan("secret", is_shown=False)
        inside = self._make_template("inside", is_shown=False)
        self._make_plan("for-inside", template_ids=inside.ids)
        for address in ("/signup", "/signup?plan=secret&template=inside"):
            page = self._see(address).text
            for code in ("secret", "inside", "for-inside"):
                self.assertNotIn(f'value="{code}"', page)
        for choice in ({"plan": "secret"}, {"template": "inside"}):
            self.assertEqual(self._send(**choice).status_code, 422)

    def test_a_form_sent_again_changes_the_same_draft(self):
        first = self._signed_up(company_name="Acme")
        again = self._signed_up(company_name="Acme Ltd")
        self.assertEqual(first, again)
        self.assertEqual(first.company_name, "Acme Ltd")
        self.assertNotEqual(self._signed_up("acme-shop"), first)

    def test_after_a_changed_address_the_old_link_is_invalid(self):
        request = self._signed_up(customer_email="anne@acme.example")
        old = request._token()
        page = self._see(f"/signup?change={request.reference}").text
        self.assertIn('value="anne@acme.example"', page)
        self.assertEqual(self._signed_up(change=request.reference), request)
        self.assertEqual(request.customer_email, "ann@acme.example")
        self.assertEqual(self._see(f"/signup/confirm?token={old}").status_code, 410)

    def test_another_browser_cannot_change_a_draft(self):
        request = self._signed_up()
        self._forget_cookies()
        self.assertNotIn("ann@acme.example", self._see(f"/signup?change={request.reference}").text)
        other = self._signed_up("other", customer_email="eve@evil.example", change=request.reference)
        self.assertNotEqual(other, request)
        self.assertEqual(request.customer_email, "ann@acme.example")

    def test_a_second_visitor_with_the_same_values_gets_their_own_draft(self):
        request = self._signed_up(company_name="Acme")
        self._forget_cookies()
        other = self._signed_up(company_name="Evil")
        self.assertNotEqual(other, request)
        self.assertEqual((request.company_name, other.company_name), ("Acme", "Evil"))

    def test_a_name_with_a_web_address_is_refused(self):
        for name in ("customer_name", "company_name"):
            with self.subTest(name=name):
                answer = self._send(**{name: "Win at https://evil.example"})
                self.assertEqual(answer.status_code, 422)
                self.assertIn("without a web address", answer.text)

    def test_the_confirmation_mail_contains_no_typed_text_but_the_subdomain(self):
        request = self._signed_up(company_name="Call 0900 123", customer_name="Call 0900 456")
        template = self.env.ref("saas_manager.mail_template_verify_email")
        template.body_html = "<p><t t-out='object.customer_name'/></p>"
        template.reset_template()  # as the update of an older version does
        body = template._render_field("body_html", request.ids)[request.id]
        self.assertIn("acme", body)
        self.assertNotIn("0900", body)

    def test_another_browser_does_not_see_the_whole_address(self):
        request = self._signed_up()
        path = f"/signup/sent/{request.reference}"
        self.assertIn("ann@acme.example", self._see(path).text)
        self._forget_cookies()
        page = self._see(path).text
        self.assertNotIn("ann@acme.example", page)
        self.assertIn("a•••@acme.example", page)
        self.assertEqual(self._see("/signup/sent/nothing").status_code, 404)

    def test_the_check_reveals_only_whether_a_name_is_free(self):
        self._make_instance("acme", "active")
        taken = self._see("/signup/check?subdomain=acme").json()
        self.assertEqual((taken["available"], taken["suggestions"][0]), (False, "acme-2"))
        self.assertTrue(self._see("/signup/check?subdomain=free-one").json()["available"])
        self.assertEqual(self._see("/signup/check?company=Café Noir").json()["subdomain"], "cafe-noir")
        self.assertEqual(set(taken), {"subdomain", "available", "sentence", "suggestions"})

    def test_the_page_and_the_instance_use_the_visitor_s_language(self):
        french = self.env["res.lang"]._activate_lang("fr_FR")
        self.assertIn('<html lang="fr-FR"', self._see("/signup?lang=fr").text)
        self.assertIn('<html lang="fr-FR"', self._see().text, "the cookie")
        request = self._signed_up()
        self.assertEqual(request.language_id, french)
        self.assertEqual(request._instance_language().code, "en_US", "the template has no French")
        self.assertRegex(self._see("/signup?lang=fr").text, r'class="note">Langue de votre Odoo\s: anglais')
        self.template.language_ids = french
        self.assertEqual(request._instance_language(), french)
        for language in ("fr", "en"):
            self.assertNotIn('class="note"', self._see(f"/signup?lang={language}").text)
        self._forget_cookies()
        accepted = self._see(headers={"Accept-Language": "de,fr;q=0.9"})
        self.assertIn('<html lang="fr-FR"', accepted.text)
        self.assertIn('<html lang="en-US"', self._see(headers={"Accept-Language": "xx"}).text)

    def test_the_name_the_country_and_the_time_zone_reach_the_instance(self):
        request = self._signed_up(customer_name="Léa Dupont", country="FR", tz="Indian/Reunion")
        with self._jobs():
            request._confirm()
        instance = request.instance_id
        self.assertEqual((instance.admin_name, instance.country_id.code), ("Léa Dupont", "FR"))
        self.assertEqual(instance.tz, "Indian/Reunion")
        self.assertEqual(instance._greeted("ann@acme.example"), "Léa Dupont")

    def test_a_time_zone_that_nobody_knows_is_left_out_and_a_country_refused(self):
        request = self._signed_up("first", country="VN", tz="Mars/Olympus")
        self.assertEqual((request.country_id.code, request.tz), ("VN", False))
        answer = self._send("second", country="QX")
        self.assertEqual(answer.status_code, 422)
        self.assertRegex(answer.text, r'id="country"[^>]*aria-invalid="true"')

    def test_the_country_is_guessed_and_can_be_changed(self):
        page = self._see(headers={"Accept-Language": "fr,fr-BE;q=0.9"}).text
        self.assertRegex(page, r'value="BE" selected="selected"')
        self.assertEqual(self._see("/signup/country?tz=Asia/Saigon").json(), {"country": "VN"})
        self.assertEqual(self._see("/signup/country?tz=UTC").json(), {"country": ""})
        request = self._signed_up(country="FR")
        page = self._see(f"/signup?change={request.reference}").text
        self.assertRegex(page, r'value="FR" selected="selected"')

    def test_a_link_to_another_language_keeps_preselected_choices(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        page = self._see(f"/signup?plan={self.plan.code}&period=yearly&lang=en").text
        self.assertIn(f'href="/signup?plan={self.plan.code}&amp;period=yearly&amp;lang=fr_FR"', page)

    def test_a_plan_shows_its_present_limits_besides_its_features(self):
        self.plan.write({"max_users": 7, "max_storage_gb": 3, "features": "<p>Help by phone</p>"})
        page = " ".join(html.fromstring(self._see().text).text_content().split())
        for expected in ("7 users", "3 GB of storage", "Help by phone"):
            self.assertIn(expected, page)

    def test_a_closed_page_says_so(self):
        self.parameters.set_param("saas_signup.closed", "True")
        page = self._see()
        self.assertEqual(page.status_code, 503)
        self.assertIn("not taking new customers", page.text)
        self.assertNotIn("<form", page.text)

    def test_without_a_mail_server_nobody_fills_the_form_in_for_nothing(self):
        form = self._see()
        self.env["ir.mail_server"].search([]).active = False
        for answer in (self._see(), self._press("/signup", form, **self._wishes())):
            self.assertEqual(answer.status_code, 503)
            self.assertIn("not taking new customers", answer.text)
            self.assertNotIn("mail server", answer.text, "visitors need not know why")
        self.assertFalse(
            self.env["saas.instance.request"].search([("customer_email", "=", "ann@acme.example")])
        )

    def test_the_pages_name_the_provider(self):
        self.parameters.set_param("saas.provider_name", "Acme Cloud")
        self.parameters.set_param("saas.provider_email", "cloud@acme.example")
        self.parameters.set_param("saas_signup.closed", "True")
        page = self._see().text
        self.assertIn("Acme Cloud</title>", page)
        self.assertEqual(page.count("mailto:cloud@acme.example"), 2)

    def test_operators_read_why_the_page_is_closed(self):
        self.env["ir.mail_server"].search([]).active = False
        self.authenticate("saas-administrator", "saas-administrator")
        page = self._see().text
        self.assertIn("No outgoing mail server is set.", page)
        self.assertIn("/odoo/action-saas_manager.res_config_settings_action", page)

    # ------------------------------------------------------------ what became of the mail

    def _told_of_mail(self, request, **job):
        """The part of the page that is shown once the mail's job has these values."""
        if job:
            request._link_job().write(job)
        state = self._see(f"/signup/state/{request.reference}").json()["mail"]
        page = html.fromstring(self._see(f"/signup/sent/{request.reference}").text)
        (shown,) = [part for part in page.cssselect("[data-mail-is]") if "hidden" not in part.attrib]
        self.assertEqual(shown.get("data-mail-is"), state)
        return shown.text_content()

    def test_the_page_says_that_the_mail_was_sent_only_once_it_was(self):
        request = self._signed_up()
        request._send_link()
        self.assertIn("We are sending a mail to ann@acme.example", self._told_of_mail(request))
        self.assertIn("We are sending", self._told_of_mail(request, state="started"))
        delayed = self._told_of_mail(request, state="pending", retry=1)
        self.assertIn("could not be sent yet", delayed)
        self.assertIn("we have been told", delayed)
        self.assertIn("could not be sent", self._told_of_mail(request, state="failed"))
        self.assertIn("We have sent a mail to ann@acme.example", self._told_of_mail(request, state="done"))

    def test_sending_it_again_tries_a_waiting_mail_at_once(self):
        request = self._signed_up()
        request._send_link()
        job = request._link_job()
        job.write({"state": "pending", "retry": 2, "eta": "2031-01-01 00:00:00"})
        self._press(f"/signup/again/{request.reference}", self._see(f"/signup/sent/{request.reference}"))
        self.assertEqual(request._link_job(), job)
        self.assertFalse(job.eta)

    def test_every_page_has_security_headers(self):
        request = self._signed_up()
        for path in ("/signup", f"/signup/sent/{request.reference}", "/signup/confirm"):
            with self.subTest(path=path):
                headers = self._see(path).headers
                self.assertIn("script-src 'self';", headers["Content-Security-Policy"])
                self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"])
                self.assertEqual(headers["Referrer-Policy"], "strict-origin")
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(headers["Cache-Control"], "no-store")

    def test_the_style_and_the_script_are_small(self):
        size = sum(
            len(self._see(f"/saas_manager_signup/static/src/signup.{kind}").content) for kind in ("css", "js")
        )
        self.assertLess(size, 30_000)
