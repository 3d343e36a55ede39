"""The mail server and the provider in the settings, and what tells operators that mails cannot be sent."""

import smtplib
import socket
import ssl
from socket import gaierror
from unittest.mock import patch

from odoo.addons.base.models.ir_mail_server import IrMail_Server
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError, ValidationError
from odoo.modules.module import load_script
from odoo.tests import tagged
from odoo.tools import config, file_path

from .. import gateway
from ..mail_errors import reason_of
from .common import engines_are, recording_engine
from .mail_case import PREFIX, SaasMailCase, closed_port

_SMARTHOST = {
    "saas_mail_host": "smtp.acme.example",
    "saas_mail_port": 465,
    "saas_mail_encryption": "ssl_strict",
    "saas_mail_user": "mailer",
    "saas_mail_password": "s3cret",
}


@tagged("post_install", "-at_install")
class TestMailSettings(SaasMailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.mail_server"].search([]).active = False
        cls.administrator.group_ids += cls.env.ref("base.group_system")
        cls.provider = cls.env["saas.provider"]

    def _settings(self, **values):
        return self.env["res.config.settings"].with_user(self.administrator).create(values)

    def _save(self, **values):
        self._settings(**values).set_values()
        return self.provider._mail_server()

    # ------------------------------------------------------------ the mail server

    def test_the_mail_server_is_set_without_developer_mode(self):
        server = self._save(**_SMARTHOST)
        self.assertEqual((server.smtp_host, server.smtp_port), ("smtp.acme.example", 465))
        self.assertEqual((server.smtp_encryption, server.smtp_user), ("ssl_strict", "mailer"))
        self.assertEqual(server.smtp_pass, "s3cret")
        self.env.flush_all()
        self.env.cr.execute("SELECT count(*) FROM res_config_settings WHERE saas_mail_password IS NOT NULL")
        self.assertEqual(self.env.cr.fetchone(), (0,))

    def test_saving_other_settings_keeps_the_mail_server_and_its_password(self):
        server = self._save(**_SMARTHOST)
        self.assertEqual(self._save(saas_grace_days=3), server)
        self.assertEqual(self._save(saas_mail_port=587), server)
        self.assertEqual((server.smtp_port, server.smtp_pass), (587, "s3cret"))

    def test_the_password_is_not_read_back(self):
        self._save(**_SMARTHOST)
        self.assertFalse(self._settings().saas_mail_password)
        self.assertEqual(self._settings().saas_mail_host, "smtp.acme.example")

    def test_emptying_the_host_archives_the_mail_server(self):
        server = self._save(**_SMARTHOST)
        self.assertFalse(self._save(saas_mail_host=False))
        self.assertFalse(server.active)

    def test_a_new_mail_server_sends_waiting_mails_at_once(self):
        job = self.instance.with_delay(eta=3600)._deliver_mail(PREFIX + "instance_reactivated").db_record()
        job.retry = 3
        self._save(**_SMARTHOST)
        self.assertFalse(job.eta)

    def test_the_update_enters_a_mail_server_on_this_machine_that_has_sent_mails(self):
        path = file_path("saas_manager/migrations/19.0.1.4.0/post-mail_server_on_this_machine.py")
        migration = load_script(path, "mail_server_on_this_machine")
        job = self.instance.with_delay()._deliver_mail(PREFIX + "instance_reactivated").db_record()
        job.state = "done"
        with patch.object(migration, "_PORT", closed_port()):
            migration.migrate(self.env.cr, "19.0.1.3.0")
        self.assertFalse(self.provider._mail_server(), "none listens there")
        job.state = "pending"
        with socket.create_server(("localhost", 0)) as server:
            with patch.object(migration, "_PORT", server.getsockname()[1]):
                migration.migrate(self.env.cr, "19.0.1.3.0")
                self.assertFalse(self.provider._mail_server(), "no mail was sent that way")
                job.state = "done"
                for _time in range(2):
                    migration.migrate(self.env.cr, "19.0.1.3.0")
            found = self.env["ir.mail_server"].search([])
            self.assertEqual((found.smtp_host, found.smtp_port), ("localhost", server.getsockname()[1]))

    # ------------------------------------------------------------ the test

    def test_the_test_sends_a_mail_from_the_provider_and_saves(self):
        settings = self._settings(
            **_SMARTHOST, saas_provider_name="Acme Cloud", saas_provider_email="cloud@acme.example"
        )
        with self._mail_server_up():
            told = settings.action_saas_send_test_mail()
        self.assertIn("administrator@acme.example", told["params"]["message"])
        self.assertEqual(self._mails[-1]["email_from"], '"Acme Cloud" <cloud@acme.example>')
        self.assertEqual(self._mails[-1]["email_to"], ["administrator@acme.example"])
        self.assertEqual(self.provider._mail_server().smtp_host, "smtp.acme.example")

    def test_the_test_says_what_went_wrong_in_words_and_saves_nothing(self):
        here = {
            "saas_mail_host": "127.0.0.1",
            "saas_mail_port": closed_port(),
            "saas_mail_encryption": "none",
        }
        settings = self._settings(**here)
        self.env.flush_all()
        with (
            patch.object(IrMail_Server, "_disable_send", lambda *_: False),
            self.assertRaisesRegex(UserError, "no mail server listens at that host and port"),
            self.cr.savepoint(),
        ):
            settings.action_saas_send_test_mail()
        self.assertFalse(self.provider._mail_server())

    def test_the_test_asks_for_what_is_missing(self):
        self.env.company.email = False
        for typed, sentence in (
            ({}, "name of the mail server"),
            (_SMARTHOST, "the provider's email"),
            (
                {**_SMARTHOST, "saas_provider_email": "a@acme.example", "saas_mail_test_to": False},
                "an address",
            ),
        ):
            with self.subTest(sentence), self.assertRaisesRegex(UserError, sentence):
                self._settings(**typed).action_saas_send_test_mail()

    def test_errors_of_mail_servers_are_told_in_words(self):
        for error, sentence in (
            (gaierror(-2, "Name or service not known"), "check its spelling"),
            (TimeoutError("timed out"), "A firewall may block the port"),
            (
                smtplib.SMTPAuthenticationError(535, b"5.7.8 bad"),
                "refused the user or the password: 535 5.7.8 bad",
            ),
            (
                smtplib.SMTPSenderRefused(553, b"not yours", "a@b.example"),
                "sender a@b.example: 553 not yours",
            ),
            (
                smtplib.SMTPRecipientsRefused({"c@d.example": (550, b"unknown")}),
                "address c@d.example: unknown",
            ),
            (smtplib.SMTPNotSupportedError("STARTTLS extension not supported"), "does not offer"),
            (smtplib.SMTPServerDisconnected("closed"), "closed the connection"),
            (smtplib.SMTPResponseException(421, b"busy"), "answered: 421 busy"),
            (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version"), "Encryption failed"),
            (ValueError("odd"), "odd"),
        ):
            wrapped = UserError("Mail Delivery Failed")
            wrapped.__cause__ = error if not isinstance(error, ValueError) else None
            with self.subTest(type(error).__name__):
                self.assertIn(sentence, reason_of(self.env, error))
                if wrapped.__cause__:
                    self.assertIn(sentence, reason_of(self.env, wrapped))

    # ------------------------------------------------------------ the provider

    def test_mails_come_from_the_provider_or_else_from_the_company(self):
        self.assertIn(
            "hello@acme.example", self._deliver(self.instance, "instance_reactivated")["email_from"]
        )
        self._save(saas_provider_name="Acme Cloud", saas_provider_email="cloud@acme.example")
        mail = self._deliver(self.instance, "instance_reactivated")
        self.assertEqual(mail["email_from"], '"Acme Cloud" <cloud@acme.example>')
        self.assertIn("Acme Cloud · cloud@acme.example", " ".join(mail["body_alternative"].split()))

    def test_a_changed_provider_is_told_to_instances(self):
        for values, inside, on_pages in (
            ({"saas_grace_days": 4}, 0, 0),
            ({"saas_provider_notice": "Call us."}, 0, 1),
            ({"saas_provider_url": "https://acme.example/help"}, 1, 1),
            ({"saas_provider_url": "https://acme.example/help"}, 0, 0),
            ({"saas_provider_name": self.env.company.name}, 0, 0),
        ):
            with self.subTest(values), trap_jobs() as jobs:
                self._save(**values)
                servers = self.env["saas.server"].search([("state", "!=", "disabled")])
                jobs.assert_jobs_count(inside, only=self.instance._entitle)
                jobs.assert_jobs_count(on_pages * len(servers), only=servers[:1]._tell_provider)
        told = gateway.instances._entitlements(self.instance)
        self.assertEqual(told.provider, self.env.company.name)
        self.assertEqual(told.provider_email, "hello@acme.example")
        self.assertEqual(told.provider_url, "https://acme.example/help")

    def test_a_server_s_pages_get_the_provider(self):
        self._save(saas_provider_name="Acme Cloud", saas_provider_notice="Call us.")
        server = self.env["saas.server"].search([], limit=1)
        engine = recording_engine()
        with engines_are(_engine_of=lambda _server: engine):
            server._tell_provider()
        engine.keep_provider.assert_called_once_with("Acme Cloud", "hello@acme.example", "", "Call us.")

    # ------------------------------------------------------------ the instances' mails

    def _told(self):
        """What a server's engine is told about the mail server."""
        engine = recording_engine()
        with engines_are(_engine_of=lambda _server: engine):
            self.env["saas.server"].search([], limit=1)._tell_mail_server()
        return engine.mail

    def test_instances_send_by_the_mail_server_from_the_provider_s_address(self):
        self._save(**_SMARTHOST, saas_mail_per_hour=30)
        (smarthost,) = self._told().set.call_args.args
        self.assertEqual((smarthost.host, smarthost.port), ("smtp.acme.example", 465))
        self.assertEqual((smarthost.security, smarthost.checks_certificate), ("tls", True))
        self.assertEqual((smarthost.user, smarthost.password.reveal()), ("mailer", "s3cret"))
        self.assertEqual((smarthost.sender, smarthost.per_hour), ("hello@acme.example", 30))

    def test_instances_cannot_send_if_the_operator_does_not_want_it_or_has_no_mail_server(self):
        self._told().unset.assert_called_once_with()
        self._save(**_SMARTHOST, saas_mail_for_instances=False)
        mail = self._told()
        mail.unset.assert_called_once_with()
        mail.set.assert_not_called()
        self.assertFalse(self._settings().saas_mail_for_instances)

    def test_a_mail_server_that_was_set_on_the_server_itself_is_left_alone(self):
        servers = self.env["saas.server"].search([("state", "!=", "disabled")])
        with trap_jobs() as jobs, patch.object(type(servers), "_check_health", lambda _server: None):
            self.env.company.name = "Acme Hosting"
            servers[:1].action_activate()
            jobs.assert_jobs_count(0, only=servers[:1]._tell_mail_server)
            self.env["ir.mail_server"].create({"name": "Relay", "smtp_host": "smtp.acme.example"})
            jobs.assert_jobs_count(len(servers), only=servers[:1]._tell_mail_server)

    def test_servers_are_told_of_a_change_and_the_queue_does_not_hold_the_password(self):
        servers = self.env["saas.server"].search([("state", "!=", "disabled")])
        for values, count in ((_SMARTHOST, 1), ({"saas_grace_days": 4}, 0), ({"saas_mail_per_hour": 9}, 1)):
            with self.subTest(values), trap_jobs() as jobs:
                self._save(**values)
                jobs.assert_jobs_count(count * len(servers), only=servers[:1]._tell_mail_server)
                self.assertNotIn("s3cret", str([job.args for job in jobs.enqueued_jobs]))

    def test_an_address_that_nobody_has_is_refused(self):
        for email in ("admin@example.com", "not an address"):
            with self.subTest(email), self.assertRaises(ValidationError):
                self._save(saas_provider_email=email)
        with self.assertRaises(ValidationError):
            self._save(saas_provider_url="javascript:alert(1)")

    def test_a_mail_without_a_sender_waits_instead_of_coming_from_odoobot(self):
        self.env.company.email = False
        with self.assertRaisesRegex(Exception, "provider's email address is not set"):
            self._save(**_SMARTHOST) and self._deliver(self.instance, "instance_reactivated")

    def test_no_mail_comes_from_odoobot(self):
        bot = self.env.ref("base.user_root")
        self.assertEqual(bot.email, "odoobot@example.com")
        with self._mail_server_up():
            self.env["mail.mail"].with_user(bot).create(
                {"email_from": bot.email_formatted, "email_to": "ann@acme.example", "body_html": "<p>Hi</p>"}
            ).send()
        self.assertIn("hello@acme.example", self._mails[-1]["email_from"])

    def test_replies_go_to_several_addresses_unless_nobody_has_them(self):
        several = "ann@acme.example, Bob <bob@acme.example>"
        for reply_to, told in (
            (several, several),
            ("odoobot@example.com, Bob <bob@acme.example>", "odoobot@example.com, Bob <bob@acme.example>"),
            ("odoobot@example.com, bot@example.org", self.provider._sender_for(self.env.company)),
        ):
            with self.subTest(reply_to), self._mail_server_up():
                values = {
                    "email_from": "ann@acme.example",
                    "email_to": "eve@acme.example",
                    "reply_to": reply_to,
                }
                mail = self.env["mail.mail"].create({**values, "body_html": "<p>Hi</p>"})
                mail.send()
                self.assertEqual(mail.reply_to, told)

    def test_the_mail_of_an_operator_s_activity_says_why(self):
        with self._mail_server_up():
            self.instance.with_user(self.env.ref("base.user_root"))._alert_operators("The disk is full.")
            self.env["mail.mail"].search([("state", "=", "outgoing")]).send()
        mail = next(
            it
            for it in self._mails
            if it["email_to"] == [f'"{self.administrator.name}" <{self.administrator.email}>']
        )
        self.assertIn("The disk is full.", mail["body"])
        self.assertIn("hello@acme.example", mail["email_from"])

    # ------------------------------------------------------------ the dashboard

    def _alerts_on_dashboard(self, user=None):
        figures = self.env["saas.dashboard"].with_user(user or self.administrator).figures()
        return {alert["label"]: alert for alert in figures["alerts"] if alert.get("action")}

    def test_the_dashboard_says_that_there_is_no_mail_server_and_how_many_mails_wait(self):
        self.assertIn("No outgoing mail server is set.", self._alerts_on_dashboard())
        job = self.instance.with_delay(eta=3600)._deliver_mail(PREFIX + "instance_reactivated").db_record()
        job.retry = 1
        (alert,) = self._alerts_on_dashboard().values()
        self.assertEqual(alert["count"], 1)
        self.assertEqual(alert["action"], "saas_manager.res_config_settings_action")
        self.assertFalse(self._alerts_on_dashboard(self.manager), "they cannot open the settings")
        self._save(**_SMARTHOST)
        self.assertEqual(self._alerts_on_dashboard()["Mails that could not be sent yet"]["count"], 1)
        job.write({"state": "done"})
        self.assertFalse(self._alerts_on_dashboard())
        self.env.company.email = False
        self.assertIn("provider's email address is not set", "".join(self._alerts_on_dashboard()))

    def test_who_may_read_jobs_sees_the_mails_that_wait(self):
        self._save(**_SMARTHOST)
        job = self.instance.with_delay(eta=3600)._deliver_mail(PREFIX + "instance_reactivated").db_record()
        job.retry = 1
        self.administrator.group_ids += self.env.ref("queue_job.group_queue_job_manager")
        figures = self.env["saas.dashboard"].with_user(self.administrator).figures()
        (alert,) = [it for it in figures["alerts"] if it["label"] == "Mails that could not be sent yet"]
        self.assertIn(job, self.env[alert["list"]["model"]].search(alert["list"]["domain"]))

    def test_a_mail_server_in_odoo_s_configuration_counts(self):
        with patch.dict(config.options, {"smtp_server": "smtp.acme.example"}):
            self.assertFalse(self.provider._mail_obstacle())
        with patch.dict(config.options, {"smtp_server": "localhost"}):
            self.assertTrue(self.provider._mail_obstacle())
