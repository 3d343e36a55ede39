"""What instances sent by the mail server, and what it refused: on their forms and their server's."""

from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from tenantry.engine.mail import Mail
from tenantry.errors import MailServerNotSet, ServerNotStarted
from tenantry.model.mail import Traffic

from .. import gateway
from .common import GROUPS, SaasCase

AWAY = ServerNotStarted("The mail relay", "Connection refused", Path("/var/log/tenants.log"))
NOON = datetime(2030, 1, 31, 12, tzinfo=UTC).timestamp()
SPAM = "554 5.7.1 This looks like spam"
ACME = Traffic("acme", 7, 100, refused=2, last_refusal=SPAM, last_refused_at=NOON + 0.5)


@tagged("post_install", "-at_install")
class TestMailTraffic(SaasCase):
    def setUp(self):
        super().setUp()
        self.instance = self._make_instance("acme", "active", run_state="running")

    def _told(self, *traffic, error=None):
        """Let the server return this."""
        return patch.object(Mail, "traffic", return_value=list(traffic), side_effect=error)

    def test_a_user_sees_what_an_instance_sent_of_its_limit_and_the_last_refusal(self):
        with self._told(ACME) as asked:
            form = Form(self._as("user", self.instance))
        asked.assert_called_with(["acme"], timeout_s=2)
        self.assertEqual((form.mail_sent, form.mail_per_hour, form.mail_refused), (7, 100, 2))
        self.assertEqual((form.mail_refusal, form.mail_refused_at), (SPAM, "2030-01-31 12:00:00"))
        self.assertFalse(form.mail_message)

    def test_an_instance_of_which_nothing_was_refused_has_no_last_refusal(self):
        with self._told(Traffic("acme", 0, 100)):
            form = Form(self._as("user", self.instance))
        self.assertEqual((form.mail_sent, form.mail_refused, form.mail_refused_at), (0, 0, False))

    def test_a_form_opens_even_if_there_is_no_mail_server_or_the_server_is_down(self):
        for error, sentence in ((MailServerNotSet(), "No mail server"), (AWAY, "Not measured yet")):
            with self._told(error=error):
                form = Form(self._as("user", self.instance))
                server = Form(self._as("administrator", self.server))
            self.assertIn(sentence, form.mail_message)
            self.assertIn(sentence, server.mail_message)
            self.assertEqual(form.name, "Acme")

    def test_instances_that_are_not_active_are_not_asked_for(self):
        others = self._make_instance("blocked", "suspended") | self._make_instance("drafted")
        with self._told(ACME) as asked:
            rows = self._as("user", others).read(["mail_sent", "mail_message"])
        asked.assert_not_called()
        self.assertFalse(any(row["mail_sent"] or row["mail_message"] for row in rows))

    def test_several_instances_need_one_request(self):
        other = self._make_instance("beta", "active", server_id=self.server.id)
        with self._told(ACME, Traffic("beta", 3, 100)) as asked:
            sent = self._as("user", self.instance | other).mapped("mail_sent")
        asked.assert_called_once()
        self.assertEqual(sent, [7, 3])

    def test_a_server_shows_the_sum_and_whose_mail_was_refused_last(self):
        earlier = Traffic("beta", 3, 100, refused=1, last_refusal="550 Older", last_refused_at=NOON - 60)
        with self._told(ACME, earlier, Traffic("gamma", 1, 100)) as asked:
            form = Form(self._as("administrator", self.server))
        asked.assert_called_with((), timeout_s=2)
        self.assertEqual((form.mail_sent, form.mail_refused), (11, 3))
        self.assertEqual((form.mail_refusal, form.mail_refused_at), (f"acme: {SPAM}", "2030-01-31 12:00:00"))

    def test_nobody_waits_for_a_server_that_was_down_at_the_last_check(self):
        self.server.health = "critical"
        with self._told(ACME) as asked:
            forms = Form(self._as("user", self.instance)), Form(self._as("administrator", self.server))
        asked.assert_not_called()
        for form in forms:
            self.assertIn("Not measured yet", form.mail_message)

    def test_an_address_is_not_asked_while_it_is_typed(self):
        with patch.object(gateway, "mail_traffic", return_value={}) as asked:
            form = Form(self._as("administrator", self.server))
            form.address = "ssh://root@not.saved.example"
            form.max_instances = 7
        self.assertEqual({call.args[0].address for call in asked.call_args_list}, {False})

    def test_a_server_without_instances_has_no_figures_to_wait_for(self):
        with self._told():
            form = Form(self._as("administrator", self._make_server("empty")))
        self.assertFalse(form.mail_message)

    def test_operators_of_another_company_do_not_see_whom_it_wrote_to(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        there = {"company_id": company.id, "company_ids": [(6, 0, company.ids)]}
        stranger = new_test_user(self.env, "saas-elsewhere", GROUPS["administrator"], **there)
        with self._told(ACME):
            server = self.server.with_user(stranger).with_company(company)
            self.assertEqual((server.mail_sent, server.mail_refusal), (7, False))
            self.assertIn(SPAM, self._as("administrator", self.server).mail_refusal)

    def test_a_customer_does_not_see_it(self):
        self.users["portal"].partner_id.parent_id = self.customer
        with self._told(ACME) as asked, self.assertRaises(AccessError):
            self._as("portal", self.instance).read(["mail_refusal"])
        asked.assert_not_called()
