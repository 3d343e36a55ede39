"""M4: which kinds of mails a customer wants, and which are always sent."""

from odoo.tests import Form, tagged

from .mail_case import SaasMailCase

OPTIONAL = {
    "instance_suspended": ("instance", "suspended", "saas_mail_states"),
    "instance_reactivated": ("instance", "active", "saas_mail_states"),
    "trial_ending": ("subscription", "trial", "saas_mail_trials"),
    "subscription_expiring": ("subscription", "active", "saas_mail_renewals"),
}
ALWAYS = {
    "instance_provisioned": ("instance", "active"),
    "instance_terminated": ("instance", "terminated"),
    "payment_overdue": ("subscription", "past_due"),
    "verify_email": ("request", "draft"),
}
SWITCHES = ("saas_mail_states", "saas_mail_trials", "saas_mail_renewals")


@tagged("post_install", "-at_install")
class TestMailPreferences(SaasMailCase):
    def _in_state(self, name, state):
        record = getattr(self, name)
        record.state = state
        return record

    def _switch_off(self, *switches):
        self.partner.write(dict.fromkeys(SWITCHES, True) | dict.fromkeys(switches, False))

    def test_a_customer_gets_all_mails_by_default(self):
        partner = self.env["res.partner"].create({"name": "New"})
        self.assertTrue(all(partner[switch] for switch in SWITCHES))

    def test_an_unwanted_kind_of_mail_is_noted_and_not_sent(self):
        for template, (name, state, switch) in OPTIONAL.items():
            with self.subTest(template):
                self._switch_off(switch)
                record = self._in_state(name, state)
                self.assertIsNone(self._deliver(record, template))
                log = self.instance.log_ids.sorted("id")[-1]
                self.assertEqual(log.level, "info")
                self.assertIn("does not want", log.message)

    def test_other_kinds_of_mail_are_sent(self):
        for template, (name, state, switch) in OPTIONAL.items():
            with self.subTest(template):
                self._switch_off(*(set(SWITCHES) - {switch}))
                self.assertTrue(self._deliver(self._in_state(name, state), template))

    def test_mandatory_mails_are_always_sent(self):
        self.request.partner_id = self.partner
        self._switch_off(*SWITCHES)
        for template, (name, state) in ALWAYS.items():
            with self.subTest(template):
                self.assertTrue(self._deliver(self._in_state(name, state), template))

    def test_a_manager_changes_the_preferences_in_the_customer_s_form(self):
        self.manager.group_ids += self.env.ref("base.group_partner_manager")
        with Form(self.partner.with_user(self.manager)) as form:
            form.saas_mail_trials = False
        self.assertFalse(self.partner.saas_mail_trials)
