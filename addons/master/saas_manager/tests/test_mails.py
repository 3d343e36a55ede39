"""When mails are sent, and what happens if they cannot be sent."""

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from ..events import EVENTS, MAILS
from .mail_case import PREFIX, SaasMailCase


@tagged("post_install", "-at_install")
class TestMailsAreQueued(SaasMailCase):
    def test_every_mail_belongs_to_an_event(self):
        data = self.env["ir.model.data"].search(
            [("module", "=", "saas_manager"), ("model", "=", "mail.template")]
        )
        names = {f"saas_manager.{name}" for name in data.mapped("name")}
        self.assertEqual(names, set(MAILS), "say what a new mail tells of")

    def test_each_event_sends_its_mails(self):
        for event, row in EVENTS.items():
            record = {"instance": self.instance, "subscription": self.subscription, "request": self.request}[
                event.partition(".")[0]
            ]
            with self.subTest(event), trap_jobs() as trap:
                record._emit(event, reason="It is said so.")
                self.assertEqual(
                    [job.args for job in trap.enqueued_jobs],
                    [(PREFIX + mail.template,) for mail in row.mails],
                )

    def test_each_change_of_an_instance_is_mailed_by_a_job_after_the_commit(self):
        for method, template in (
            ("_send_provisioning_email", "instance_provisioned"),
            ("_send_suspension_email", "instance_suspended"),
            ("_send_reactivation_email", "instance_reactivated"),
            ("_send_termination_email", "instance_terminated"),
        ):
            with self.subTest(method), trap_jobs() as trap, self._mail_server_up():
                getattr(self.instance.with_user(self.manager), method)()
                trap.assert_enqueued_job(
                    self.instance.sudo()._deliver_mail,
                    args=(PREFIX + template,),
                    properties={"channel": "root.saas_mail", "max_retries": 13},
                )
                self.assertFalse(self._mails, "nothing is sent before the commit")

    def test_a_customer_who_is_not_the_administrator_gets_a_mail_without_a_login(self):
        told = "customer_instance_provisioned"
        for administrator, templates in (
            ("boss@dupont.example", {"instance_provisioned", told}),
            ("anne@dupont.example", {"instance_provisioned"}),
        ):
            self.instance.admin_email = administrator
            with trap_jobs() as trap:
                self.instance._send_provisioning_email()
            self.assertEqual({job.args[0] for job in trap.enqueued_jobs}, {PREFIX + it for it in templates})
        self.instance.admin_email = "boss@dupont.example"
        mail = self._deliver(self.instance, told)
        self.assertEqual(mail["email_to"], ['"Dupont" <anne@dupont.example>'])
        self.assertIn("boss@dupont.example", mail["body"])
        self.assertNotIn("token=", mail["body"])

    def test_the_same_mail_is_queued_once(self):
        with trap_jobs() as trap:
            self.instance._send_suspension_email()
            self.instance._send_suspension_email()
            trap.assert_jobs_count(1)

    def test_a_subscription_s_mail_is_queued_and_in_the_chatter_of_its_instance(self):
        self.subscription.state = "active"
        with trap_jobs() as trap, self._mail_server_up():
            self.subscription._enqueue_mail(PREFIX + "subscription_expiring")
            trap.perform_enqueued_jobs()
        self.assertIn("May 17, 2031", self._mails[-1]["subject"])
        self.assertIn("Mail sent: Dupont Bakery: your subscription ends", self._history())

    def test_a_mail_is_retried_for_about_a_day(self):
        job = self.env.ref("saas_manager.job_function_saas_instance_deliver_mail")
        pattern = sorted((int(count), wait) for count, wait in job.retry_pattern.items())
        waits = [max((count, wait) for count, wait in pattern if count <= n)[1] for n in range(1, 13)]
        self.assertTrue(18 * 3600 < sum(waits) < 30 * 3600, sum(waits))

    def test_an_outdated_mail_is_not_sent(self):
        self.assertIsNone(self._deliver(self.instance, "instance_suspended"))
        self.instance.state = "suspended"
        self.assertIsNone(self._deliver(self.instance, "instance_reactivated"))
        self.assertTrue(self._deliver(self.instance, "instance_suspended"))


@tagged("post_install", "-at_install")
class TestMailsThatCannotBeSent(SaasMailCase):
    def test_a_mail_server_that_is_down_is_logged_and_the_mail_retried(self):
        with self._mail_server_down(), self.assertRaisesRegex(RetryableJobError, "refused"):
            self.instance._deliver_mail(PREFIX + "instance_reactivated")
        self.assertEqual(self._levels(), ["warning"])
        self.assertIn("refused", self.instance.log_ids.message)

    def test_a_mail_that_is_given_up_is_logged_as_an_error_and_alerts_operators(self):
        self.instance._on_mail_failed(exc_message="Max. retries (13) reached: refused")
        self.assertIn("error", self._levels())
        self.assertIn(self.administrator, self._alerts().user_id)
        self.assertNotIn(self.manager, self._alerts().user_id)
        self.assertIn("refused", self._alerts()[:1].note)

    def test_a_customer_without_an_address_gets_mails_at_their_administrator_s(self):
        self.subscription.state = "past_due"
        for nothing in (False, "not an address"):
            self.partner.email = nothing
            for record, mail in (
                (self.instance, "instance_terminated"),
                (self.subscription, "payment_overdue"),
            ):
                with self.subTest(mail, nothing=nothing):
                    self.assertEqual(
                        self._deliver(record, mail)["email_to"], ['"Dupont" <boss@dupont.example>']
                    )
        self.assertFalse(self._alerts())

    def test_a_mail_to_nobody_is_reported_with_its_name_and_whose_address_is_missing(self):
        self.env.ref(PREFIX + "instance_terminated").email_to = "{{ object.partner_id.email or '' }}"
        self.partner.email = False
        for mail, name, whose in (
            ("instance_terminated", "Instance: terminated", "Dupont"),
            ("provisioning_failed", "Operators: a creation failed", "the operators"),
        ):
            with self.subTest(mail):
                if whose == "the operators":
                    self.env.company.email = self.administrator.email = False
                    self.env.ref(
                        "saas_manager.group_saas_administrator"
                    ).all_user_ids.partner_id.email = False
                self.assertIsNone(self._deliver(self.instance, mail))
                self.assertEqual(self._levels()[:1], ["warning"])
                told = self.instance.log_ids[:1].message
                self.assertIn(name, told)
                self.assertIn(f"address of {whose}", told)
                self.assertTrue(self._alerts())

    def test_a_request_without_an_instance_reports_the_error_itself(self):
        with self.assertLogs("odoo.addons.saas_manager.models.saas_mail_mixin", "WARNING"):
            self.request._on_mail_failed(exc_message="refused")
        self.assertTrue(self._alerts(self.request))
