"""Letting customers in: who may, when, where the secrets go, and that it never goes unnoticed."""

from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError
from odoo.tests import tagged

from tenantry.errors import Busy
from tenantry.model.instance import NewPassword
from tenantry.model.secret import Secret

from .. import gateway
from ..exceptions import InvalidState
from .mail_case import LINK, PREFIX, SaasMailCase

NEW = NewPassword("boss@dupont.example", Secret("N3w-and-s3cret"))
WAYS = ("send_link", "show_link", "send_password", "show_password", "send_welcome")


@tagged("post_install", "-at_install")
class TestInstanceAccess(SaasMailCase):
    def setUp(self):
        super().setUp()
        self.env["ir.mail_server"].create({"name": "Relay", "smtp_host": "smtp.acme.example"})
        self.link = self.enterContext(patch.object(gateway, "login_link", return_value=Secret(LINK)))
        self.reset = self.enterContext(patch.object(gateway, "reset_password", return_value=NEW))

    def _give(self, how, by=None):
        """Press the wizard's button; return its action, and the mails that are to be sent."""
        by = by or (self.administrator if how.startswith("show") else self.manager)
        wizards = self.env["saas.instance.access"].with_user(by)
        with trap_jobs() as jobs:
            action = wizards.create({"instance_id": self.instance.id, "how": how}).action_give_access()
        return action, [job.args[0].removeprefix(PREFIX) for job in jobs.enqueued_jobs]

    def _noted(self):
        """The newest line of the log, and all messages."""
        self.env.flush_all()
        newest = self.env["saas.instance.log"].search([], order="id desc", limit=1)
        return newest.message or "", self._history()

    def test_each_way_sends_its_mail_and_is_noted_with_its_operator(self):
        for how, mails in (
            ("send_link", ["login_link"]),
            ("show_link", ["access_given"]),
            ("send_password", ["password_link"]),
            ("show_password", ["access_given"]),
            ("send_welcome", ["instance_provisioned", "customer_instance_provisioned"]),
        ):
            with self.subTest(how):
                _action, sent = self._give(how)
                self.assertEqual(sent, mails)
                by = self.administrator if how.startswith("show") else self.manager
                for text in self._noted():
                    self.assertIn(by.login, text)

    def test_a_shown_link_names_its_operator_in_the_customer_s_own_list(self):
        action, _sent = self._give("show_link")
        self.link.assert_called_once_with(self.instance, by=self.administrator.login)
        self.assertEqual(action["context"], {"default_link": LINK})

    def test_managers_may_send_a_login_but_not_see_one_and_use_it_without_consent(self):
        for how in ("show_link", "show_password"):
            with self.subTest(how), self.assertRaises(AccessError):
                self._give(how, by=self.manager)
        for method in ("_make_login_link", "_reset_password"):
            with self.subTest(method), self.assertRaises(AccessError):
                getattr(self.instance.with_user(self.manager), method)()
        self.link.assert_not_called()
        self.reset.assert_not_called()
        offered = self.env["saas.instance.access"].with_user(self.manager).fields_get(["how"])["how"]
        self.assertEqual([way for way, _label in offered["selection"] if "show" in way], [])

    def test_nothing_is_ended_or_promised_while_no_mail_can_be_sent(self):
        self.env["ir.mail_server"].search([]).active = False
        for how in ("send_link", "send_password", "send_welcome"):
            with self.subTest(how), self.assertRaisesRegex(InvalidState, "No mail can be sent"):
                self._give(how)
        self.reset.assert_not_called()

    def test_a_shown_password_comes_with_the_login_that_is_in_force(self):
        action, _sent = self._give("show_password")
        self.assertEqual(
            action["context"],
            {"default_login": "boss@dupont.example", "default_password": "N3w-and-s3cret"},
        )

    def test_a_link_that_is_mailed_is_not_shown_to_the_operator(self):
        for how in ("send_link", "send_password"):
            action, _sent = self._give(how)
            self.assertNotIn("once-only", str(action))
            self.assertNotIn("N3w", str(action))

    def test_the_secrets_are_in_no_table(self):
        for how in WAYS:
            self._give(how)
        self.env.flush_all()
        for table in (
            "saas_instance_access",
            "saas_instance_log",
            "mail_message",
            "mail_mail",
            "saas_instance",
        ):
            self.env.cr.execute(f"SELECT string_agg(t::text, ' ') FROM {table} AS t")
            found = self.env.cr.fetchone()[0] or ""
            self.assertNotIn("once-only", found, table)
            self.assertNotIn("N3w-and-s3cret", found, table)

    def test_a_new_password_replaces_the_one_that_was_to_be_delivered(self):
        self._set_delivery("password")
        self._give("show_password")
        self.assertFalse(self.instance.admin_password_sealed)
        mail = self._deliver(self.instance, "instance_provisioned")
        self.assertIn(LINK, mail["body"])

    def test_the_links_go_to_the_administrator_whatever_the_contact_s_address_is(self):
        self.partner.email = "mallory@evil.example"
        for template in ("login_link", "password_link", "access_given"):
            mail = self._deliver(self.instance, template)
            self.assertEqual(mail["email_to"], ["boss@dupont.example"])
            self.assertEqual(LINK in mail["body"], template != "access_given")
        self.assertNotIn("once-only", self._history())

    def test_no_manager_can_redirect_the_links_of_an_instance_that_was_delivered(self):
        for state in ("active", "suspended", "expired"):
            self.instance.state = state
            for user in (self.manager, self.administrator):
                with self.subTest(state), self.assertRaisesRegex(AccessError, "Admin Email"):
                    self.instance.with_user(user).admin_email = "mallory@evil.example"
        self.instance.state = "failed"
        self.instance.with_user(self.manager).admin_email = "anne@dupont.example"

    def test_an_instance_that_nobody_can_enter_says_so_and_nothing_is_done(self):
        for values, sentence in (
            ({"state": "suspended"}, "is suspended: nobody can log in. Reactivate it first"),
            ({"state": "expired"}, "is suspended"),
            ({"state": "terminated"}, "was terminated"),
            ({"state": "provisioning"}, "is not active"),
            ({"state": "active", "operation": "rename"}, "Something is being done"),
            ({"state": "active", "operation": False, "run_state": "stopped"}, "is stopped. Start it first"),
        ):
            self.instance.write(values)
            for how in WAYS:
                with self.subTest(how, **values), self.assertRaisesRegex(InvalidState, sentence):
                    self._give(how)
        self.link.assert_not_called()
        self.reset.assert_not_called()

    def test_readers_and_customers_are_refused(self):
        reader = self._make_user("user")
        for method in (
            "_send_login_link",
            "_make_login_link",
            "_send_password_link",
            "_reset_password",
            "_send_welcome_again",
        ):
            with self.subTest(method), self.assertRaises(AccessError):
                getattr(self.instance.with_user(reader), method)()
        with self.assertRaises(AccessError):
            self._give("show_link", by=reader)
        self.link.assert_not_called()
        self.reset.assert_not_called()

    def test_what_the_engine_refuses_is_not_noted(self):
        self.reset.side_effect = Busy("instance dupont")
        with self.assertRaisesRegex(Exception, "dupont"), self.cr.savepoint():
            self._give("show_password")
        self.assertTrue(self.instance.admin_password_sealed)
        self.assertFalse(self.instance.log_ids)
