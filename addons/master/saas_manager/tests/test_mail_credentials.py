"""How customers get their password or link, and that no copy of it is kept."""

from unittest.mock import patch

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.tests import tagged
from psycopg2.errors import SerializationFailure

from tenantry.model.secret import Secret

from .. import gateway
from .mail_case import LINK, PASSWORD, PREFIX, URL, SaasMailCase


@tagged("post_install", "-at_install")
class TestCredentials(SaasMailCase):
    def test_a_login_link_is_mailed_instead_of_the_password(self):
        self._set_delivery("link")
        mail = self._deliver(self.instance, "instance_provisioned")
        for expected in (URL, "boss@dupont.example", "Corner Shop", LINK):
            self.assertIn(expected, mail["body_alternative"])
        self.assertNotIn(PASSWORD, mail["body_alternative"])

    def test_the_password_is_mailed_if_that_is_the_setting(self):
        self._set_delivery("password")
        mail = self._deliver(self.instance, "instance_provisioned")
        self.assertIn(PASSWORD, mail["body_alternative"])
        self.assertIn("Tq4-&lt;rather&gt;&amp;secret", mail["body"])
        self.assertNotIn(LINK, mail["body"])

    def test_the_chatter_shows_the_mail_without_password_and_link(self):
        for delivery in ("link", "password"):
            with self.subTest(delivery):
                self.instance.admin_password_sealed = gateway.seal(PASSWORD)
                self._set_delivery(delivery)
                self._deliver(self.instance, "instance_provisioned")
                history = self._history()
                self.assertIn("Mail sent: Dupont Bakery: your Odoo is ready to boss@dupont.example", history)
                self.assertIn("boss@dupont.example", history)
                self.assertNotIn("once-only", history)
                self.assertNotIn("rather", history)
        self.assertIn("••••••••", history)

    def test_the_password_is_deleted_only_after_delivery(self):
        self._set_delivery("password")
        with self._mail_server_down(), self.assertRaises(RetryableJobError), self.cr.savepoint():
            self.instance._deliver_mail(PREFIX + "instance_provisioned")
        self.assertTrue(self.instance.admin_password_sealed)
        self._deliver(self.instance, "instance_provisioned")
        self.assertFalse(self.instance.admin_password_sealed)

    def test_a_job_that_is_retried_has_not_sent_the_mail(self):
        """For example if another transaction wrote the instance meanwhile: the mail would be sent twice."""
        conflict = SerializationFailure("could not serialize access due to concurrent update")
        with (
            self._mail_server_up(),
            patch.object(gateway, "login_link", lambda *_: Secret(LINK)),
            patch.object(self.registry["saas.instance"], "_mail_sent", side_effect=conflict),
            self.assertRaises(SerializationFailure),
        ):
            self.instance._deliver_mail(PREFIX + "instance_provisioned")
        self.assertFalse(self._mails)

    def test_other_mails_do_not_delete_the_password(self):
        self._deliver(self.instance, "instance_reactivated")
        self.assertTrue(self.instance.admin_password_sealed)

    def test_no_table_keeps_a_mail_with_its_secrets(self):
        self._set_delivery("password")
        self.env.ref(PREFIX + "instance_provisioned").auto_delete = False
        self._deliver(self.instance, "instance_provisioned")
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT body_html FROM mail_mail UNION ALL SELECT body FROM mail_message"
            " UNION ALL SELECT message FROM saas_instance_log"
        )
        self.assertFalse([text for (text,) in self.env.cr.fetchall() if "rather" in (text or "")])
