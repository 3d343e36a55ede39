"""The texts of mails, and their languages."""

from email import message_from_bytes, policy

from odoo.modules.module import load_script
from odoo.tests import tagged
from odoo.tools.misc import file_path

from .mail_case import LANGUAGES, LINK, PREFIX, URL, SaasMailCase


@tagged("post_install", "-at_install")
class TestWhatMailsSay(SaasMailCase):
    def test_each_mail_is_in_the_customer_s_language(self):
        bodies = set()
        for language in LANGUAGES:
            self.partner.lang = language
            mail = self._deliver(self.instance, "instance_provisioned")
            for expected in (URL, "boss@dupont.example", LINK):
                self.assertIn(expected, mail["body_alternative"], language)
            bodies.add((mail["subject"], mail["body_alternative"]))
        self.assertEqual(len({subject for subject, _ in bodies}), 3)
        self.assertIn("Kính gửi Dupont", "".join(body for _, body in bodies))
        self.assertIn("Voici comment vous y connecter", "".join(body for _, body in bodies))

    def test_every_mail_is_translated_and_has_a_logo_and_plain_text(self):
        self.env.company.logo = self.env["ir.binary"]._placeholder()
        for template in self._all_templates():
            record = self._record_for(template)
            said = set()
            for language in LANGUAGES:
                self.partner.lang = self.env.company.partner_id.lang = language
                mail = template.with_context(operators="ops@acme.example").send_mail(record.id)
                sent = self.env["mail.mail"].browse(mail)._prepare_outgoing_list()[0]
                text = sent["body_alternative"]
                self.assertIn("/logo.png?company=", sent["body"])
                self.assertIn("prefers-color-scheme: dark", sent["body"])
                for unreadable in ("{", "logo", "color", "\n\n\n", "t-out"):
                    self.assertNotIn(unreadable, text, template.name)
                self.assertTrue(sent["email_to"], template.name)
                said.add(text)
            self.assertEqual(len(said), 3, template.name)

    def _all_templates(self):
        return self.env["mail.template"].search([("model", "like", "saas.")])

    def _record_for(self, template):
        records = (self.instance, self.subscription, self.request)
        return next(record for record in records if record._name == template.model)

    def test_mails_are_sent_by_the_company_to_the_customer(self):
        mail = self._deliver(self.instance, "instance_reactivated")
        self.assertIn("hello@acme.example", mail["email_from"])
        self.assertEqual(mail["email_to"], ['"Dupont" <anne@dupont.example>'])

    def test_the_mail_of_a_suspension_has_the_reason(self):
        self.instance.write({"state": "suspended", "state_reason": "March was not paid."})
        self.assertIn("March was not paid.", self._deliver(self.instance, "instance_suspended")["body"])
        self.instance.write({"state": "expired", "state_reason": False})
        self.assertIn("has ended", self._deliver(self.instance, "instance_suspended")["body"])

    def test_the_mail_of_a_suspension_has_a_usual_reason_in_the_customer_s_language(self):
        self.instance.write({"state": "suspended", "state_reason": "The payment is overdue."})
        said = set()
        for self.partner.lang in LANGUAGES:
            told = self.instance.with_context(lang=self.partner.lang).state_reason_text
            self.assertIn(told, self._deliver(self.instance, "instance_suspended")["body_alternative"])
            said.add(told)
        self.assertEqual(len(said), 3)

    def test_the_mail_of_a_termination_lists_what_was_deleted(self):
        self.instance.state = "terminated"
        text = self._deliver(self.instance, "instance_terminated")["body_alternative"]
        for expected in ("database dupont", "all its files", "there is none", "March 9, 2031"):
            self.assertIn(expected, text)

    def test_a_mail_names_the_minute_where_the_instance_is(self):
        self.instance.tz = "Europe/Paris"
        for language, expected in zip(
            LANGUAGES,
            (
                "March 9, 2031, 11:30\N{NARROW NO-BREAK SPACE}PM (Europe/Paris)",
                "9 mars 2031, 23:30 (Europe/Paris)",
                "9 tháng 3, 2031, 23:30 (Europe/Paris)",
            ),
            strict=True,
        ):
            self.partner.lang = language
            self.instance.reactivated_at = "2031-03-09 22:30:00"
            text = self._deliver(self.instance, "instance_reactivated")["body_alternative"]
            self.assertIn(expected, text.replace(" PM", "\N{NARROW NO-BREAK SPACE}PM"))

    def test_the_plain_text_has_each_address_below_its_words(self):
        lines = self._deliver(self.instance, "instance_provisioned")["body_alternative"].split("\n")
        self.assertIn(f"Address: {URL}", lines)
        button = lines.index("Log in")
        self.assertEqual(lines[button - 1 : button + 3], ["", "Log in", LINK, ""])
        self.assertFalse([line for line in lines if "[1]" in line or "*" in line])

    def test_a_long_subject_keeps_its_spaces(self):
        for subject in (
            "Pâtisserie du Faubourg: hãy chọn mật khẩu mới",
            "Công ty Thương mại Dịch vụ Hoàng Long: thời gian dùng thử kết thúc vào ngày 14 tháng 12",
            "Plain words, and many of them, so many that they do not fit into one line of a header",
        ):
            built = self.env["ir.mail_server"]._build_email__(
                email_from="hello@acme.example", email_to=["anne@dupont.example"], subject=subject, body="-"
            )
            received = message_from_bytes(built.as_bytes(), policy=policy.default)
            self.assertEqual(received["Subject"], subject)

    def test_the_mail_of_an_ending_subscription_has_the_next_price(self):
        self.plan.write({"price_monthly": 10, "price_yearly": 100, "trial_days": 0})
        self.subscription._start()
        self.subscription.action_change_period()
        self.plan.price_yearly = 120
        for language, length in zip(LANGUAGES, ("a year", "par an", "mỗi năm"), strict=True):
            self.partner.lang = language
            text = self._deliver(self.subscription, "subscription_expiring")["body_alternative"]
            self.assertIn("120", text)
            self.assertIn(length, text)

    def test_the_mail_of_another_address_has_both_and_goes_to_whoever_logs_in(self):
        mail = self._deliver(self.instance, "instance_renamed")
        for address in (URL, "https://anne.acme.example"):
            self.assertIn(address, mail["body_alternative"])
        self.assertEqual(set(mail["email_to"]), {'"Dupont" <anne@dupont.example>', "boss@dupont.example"})
        self.partner.email = "boss@dupont.example"
        mail = self._deliver(self.instance, "instance_renamed")
        self.assertEqual(mail["email_to"], ['"Dupont" <boss@dupont.example>'])

    def test_mails_lead_nowhere_that_the_customer_may_not_open(self):
        for mail in ("subscription_expiring", "trial_ending", "payment_overdue"):
            self.subscription.state = {"trial_ending": "trial", "payment_overdue": "past_due"}.get(
                mail, "active"
            )
            body = self._deliver(self.subscription, mail)["body"]
            self.assertNotIn("/my", body)
            self.assertNotIn("Open my account", body)
        self.assertIn("reply to this mail", body)

    def _says(self, mail, state, **values):
        self.subscription.write({"state": state, **values})
        return " ".join(self._deliver(self.subscription, mail)["body_alternative"].split())

    def test_a_trial_s_mail_says_what_happens_with_these_settings(self):
        self.plan.price_monthly = 10
        setting = self.env["ir.config_parameter"]
        for collects, renews, expected in (
            ("", True, "You need not do anything"),
            ("True", True, "pay before the trial ends"),
            ("", False, "It is suspended then"),
            ("True", False, "It is suspended then"),
        ):
            with self.subTest(collects=collects, renews=renews):
                setting.set_param("saas.collect_payments", collects)
                text = self._says("trial_ending", "trial", auto_renew=renews)
                self.assertIn(expected, text)
                self.assertNotIn("deleted after", text)
        setting.set_param("saas.termination_days", "30")
        self.assertIn("deleted after 30 days", self._says("trial_ending", "trial"))

    def test_a_mail_of_an_end_or_a_debt_names_the_day_of_the_suspension(self):
        self.plan.grace_days = 5
        self.assertIn(
            "suspended on May 22, 2031", self._says("subscription_expiring", "active", auto_renew=False)
        )
        self.assertIn(
            "not arrived by June 6, 2031", self._says("payment_overdue", "past_due", state_since="2031-06-01")
        )

    def test_the_update_corrects_addresses_and_sentences_of_existing_mails_and_keeps_edited_text(self):
        template = self.env.ref(PREFIX + "trial_ending")
        template.write(
            {
                "email_from": "{{ object.company_id.email_formatted or user.email_formatted }}",
                "email_to": "{{ object.partner_id.email_formatted }}",
            }
        )
        for language, ours, sentence in (
            (
                "en_US",
                "We like you.",
                "Subscribe to go on with the data you have. If you do nothing, the instance is"
                " suspended after the trial.",
            ),
            (
                "vi_VN",
                "Xin chào.",
                "Hãy đăng ký để tiếp tục với dữ liệu hiện có. Nếu quý khách không đăng ký, hệ thống"
                " sẽ tạm ngưng sau thời gian dùng thử.",
            ),
        ):
            template.with_context(lang=language).body_html = (
                f'<div><p>{ours}</p><p>{sentence}</p><t t-call="saas_manager.mail_button">'
                '<t t-set="url" t-value="object.get_base_url() + \'/my\'"/>Go</t></div>'
            )
        self.env.flush_all()
        folder = "saas_manager/migrations/19.0.1.4.0"
        for name in ("post-senders_of_mails", "post-what_mails_say"):
            load_script(file_path(f"{folder}/{name}.py"), name.replace("-", "_")).migrate(
                self.cr, "19.0.1.3.0"
            )
        self.env.invalidate_all()
        self.assertEqual(template.email_to, "{{ object._customer_address() }}")
        self.assertEqual(template.email_from, "{{ object._mail_sender() }}")
        for language, ours, expected in (
            ("en_US", "We like you.", "You need not do anything"),
            ("vi_VN", "Xin chào.", "Quý khách không cần làm gì"),
        ):
            self.partner.lang = language
            body = self._says("trial_ending", "trial", auto_renew=True)
            self.assertIn(ours, body)
            self.assertIn(expected, body)
            self.assertNotIn("Go", body)

    def test_the_migration_corrects_the_price_in_an_edited_mail_and_keeps_its_text(self):
        template = self.env.ref(PREFIX + "subscription_expiring")
        price = "format_amount(object.price, object.currency_id)"
        length = "<t t-if=\"object.period == 'yearly'\">a year</t>"
        for language, words in (("en_US", "Stay for"), ("fr_FR", "Restez pour")):
            body = f'<p>{words} <t t-out="{price}"/> {length}</p>'
            template.with_context(lang=language).body_html = body
        path = file_path("saas_manager/migrations/19.0.1.2.0/post-price_of_the_next_period.py")
        for _time in range(2):
            load_script(path, "price_of_the_next_period").migrate(self.env.cr, "19.0.1.1.0")
        for language, words in (("en_US", "Stay for"), ("fr_FR", "Restez pour")):
            body = template.with_context(lang=language).body_html
            self.assertIn(words, body)
            self.assertIn("format_amount(object.next_price, object.next_currency_id)", body)
            self.assertIn("(object.next_period or object.period) == 'yearly'", body)

    def test_mails_begin_with_the_name_of_their_reader(self):
        self.instance.admin_name = "Léa Dupont"
        welcome = self._deliver(self.instance, "instance_provisioned")["body_alternative"]
        self.assertIn("Hello Léa Dupont,", welcome)
        suspended = (self.instance, "instance_suspended")
        ending = (self.subscription, "subscription_expiring")
        self.instance.state = "suspended"
        self.subscription.state = "active"
        for record, mail in (suspended, ending):
            self.assertIn("Hello Dupont,", self._deliver(record, mail)["body_alternative"])
        self.instance.admin_email = self.partner.email
        for record, mail in (suspended, ending):
            self.assertIn("Hello Léa Dupont,", self._deliver(record, mail)["body_alternative"])

    def test_an_update_lets_edited_mails_begin_with_the_name_of_their_reader(self):
        template = self.env.ref(PREFIX + "instance_suspended")
        for language, hello in (("en_US", "Dear"), ("fr_FR", "Cher")):
            body = f'<p>{hello} <t t-out="object.partner_id.name"/>,</p><p>Ours</p>'
            template.with_context(lang=language).body_html = body
        path = file_path("saas_manager/migrations/19.0.1.4.0/post-greetings_by_name.py")
        for _time in range(2):
            self.env.flush_all()
            load_script(path, "greetings_by_name").migrate(self.env.cr, "19.0.1.3.0")
            self.env.invalidate_all()
        for language, hello in (("en_US", "Dear"), ("fr_FR", "Cher")):
            body = template.with_context(lang=language).body_html
            self.assertRegex(body, hello + r' <t t-out="object\._greeted\(object\.partner_id\.email\)"')
            self.assertIn("Ours", body)

    def test_a_template_edited_in_odoo_is_what_is_sent(self):
        self.env.ref(PREFIX + "instance_reactivated").write(
            {"subject": "Welcome back, {{ object.name }}", "body_html": "<p>We missed you.</p>"}
        )
        mail = self._deliver(self.instance, "instance_reactivated")
        self.assertEqual(mail["subject"], "Welcome back, Dupont Bakery")
        self.assertIn("We missed you.", mail["body_alternative"])

    def test_operators_get_their_mails_or_else_the_company(self):
        mail = self._deliver(self.instance, "provisioning_failed")
        self.assertIn("administrator@acme.example", str(mail["email_to"]))
        self.assertNotIn("manager@acme.example", str(mail["email_to"]))
        self.env.ref("saas_manager.group_saas_administrator").all_user_ids.partner_id.email = False
        mail = self._deliver(self.instance, "provisioning_failed")
        self.assertIn("hello@acme.example", str(mail["email_to"]))
