"""Login links, passwords and the welcome mail over the API: who may have which, and kept nowhere."""

from unittest.mock import patch

from odoo.addons.saas_manager import gateway
from odoo.tests import tagged

from tenantry.model.instance import NewPassword
from tenantry.model.secret import Secret

from .common import ApiCase

URL = "https://acme.example.com/saas/login?token=once-only"
NEW = NewPassword("boss@acme.example", Secret("N3w-and-s3cret"))
WAYS = ("login_link", "reset_password", "welcome")


@tagged("post_install", "-at_install")
class TestAccessByApi(ApiCase):
    def setUp(self):
        super().setUp()
        self._make_mail_server()
        self.instance = self._make_instance("acme", "active", run_state="running")
        self.link = self.enterContext(patch.object(gateway, "login_link", return_value=Secret(URL)))
        self.reset = self.enterContext(patch.object(gateway, "reset_password", return_value=NEW))

    def _give(self, way, key="administrator", **body):
        """The status, the answer, and the arguments of the mails' jobs."""
        with self._jobs() as jobs:
            status, told = self._call(f"/instances/acme/{way}", body, key=key)
            return status, told, [job.args[0].rpartition("template_")[2] for job in jobs.enqueued_jobs]

    def test_a_login_link_is_told_and_its_administrator_informed(self):
        status, told, mails = self._give("login_link")
        self.assertEqual((status, told["data"]["url"], told["data"]["sent_to"]), (200, URL, None))
        self.assertEqual(mails, ["access_given"])
        self.link.assert_called_once()
        self.assertEqual(self.link.call_args.kwargs, {"by": self.users["administrator"].login})

    def test_a_login_link_that_is_mailed_is_not_told(self):
        status, told, mails = self._give("login_link", send=True)
        data = {"subdomain": "acme", "sent_to": "boss@acme.example", "url": None}
        self.assertEqual((status, told["data"], mails), (200, data, ["login_link"]))
        self.link.assert_not_called()

    def test_a_password_is_reset_and_told_or_a_link_mailed(self):
        _status, told, mails = self._give("reset_password")
        self.assertEqual(told["data"]["login"], "boss@acme.example")
        self.assertEqual((told["data"]["password"], mails), ("N3w-and-s3cret", ["access_given"]))
        _status, told, mails = self._give("reset_password", send=True)
        self.assertEqual((told["data"]["password"], mails), (None, ["password_link"]))
        self.assertEqual(self.reset.call_count, 2)

    def test_the_welcome_mail_is_sent_again(self):
        status, told, mails = self._give("welcome")
        self.assertEqual((status, told["data"]["sent_to"]), (200, "boss@acme.example"))
        self.assertIn("instance_provisioned", mails)

    def test_managers_may_have_a_login_mailed_but_not_told(self):
        for way in ("login_link", "reset_password"):
            status, told, mails = self._give(way, key="manager")
            self.assertEqual((status, told["error_code"], mails), (403, "FORBIDDEN", []))
            self.assertEqual(self._give(way, key="manager", send=True)[0], 200)

    def test_readers_and_publishable_keys_let_nobody_in(self):
        for way in WAYS:
            for key in ("user", self.publishable.key):
                with self.subTest(way=way, key=key):
                    status, told, mails = self._give(way, key=key)
                    self.assertEqual((status, told["error_code"], mails), (403, "FORBIDDEN", []))
        self.link.assert_not_called()
        self.reset.assert_not_called()

    def test_an_unknown_instance_or_one_that_nobody_can_enter_is_refused_with_its_reason(self):
        for values, sentence in (
            ({"state": "suspended"}, "Reactivate it first"),
            ({"state": "expired"}, "Reactivate it first"),
            ({"state": "active", "run_state": "stopped"}, "Start it first"),
        ):
            self.instance.write(values)
            for way in WAYS:
                for send in ({}, {"send": True}):
                    with self.subTest(way, **values, **send):
                        status, told, mails = self._give(way, **({} if way == "welcome" else send))
                        self.assertEqual((status, told["error_code"], mails), (409, "INVALID_STATE", []))
                        self.assertIn(sentence, told["error"])
        self.link.assert_not_called()
        self.reset.assert_not_called()
        self.assertEqual(self._call("/instances/nobody/login_link", {})[0], 404)

    def test_nothing_is_ended_or_promised_while_no_mail_can_be_sent(self):
        self.env["ir.mail_server"].search([]).active = False
        for way in WAYS:
            with self.subTest(way):
                status, told, mails = self._give(way, **({} if way == "welcome" else {"send": True}))
                self.assertEqual((status, told["error_code"], mails), (409, "INVALID_STATE", []))
                self.assertIn("No mail can be sent", told["error"])
        self.reset.assert_not_called()
        self.assertEqual(self._give("login_link")[1]["data"]["url"], URL)

    def test_no_answer_with_a_secret_is_kept_for_a_repetition(self):
        key = {"Idempotency-Key": "order-1"}
        for way in ("login_link", "reset_password"):
            status, told = self._call(f"/instances/acme/{way}", {}, **key)
            self.assertEqual(status, 422, told)
            self.assertIn("Idempotency-Key", told["error"])
            with self._jobs():
                status, _told = self._call(
                    f"/instances/acme/{way}", {"send": True}, **{"Idempotency-Key": way}
                )
                self.assertEqual(status, 200)
        self.reset.assert_called_once()
        self.env.cr.execute("SELECT string_agg(t::text, ' ') FROM saas_api_answer AS t")
        kept = self.env.cr.fetchone()[0]
        self.assertNotIn("once-only", kept)
        self.assertNotIn("N3w", kept)

    def test_a_password_that_waits_for_its_key_is_forgotten_when_another_is_set(self):
        request = self._created(subdomain="beta")
        self.assertTrue(request.sudo().api_password_sealed)
        with self._jobs():
            self._call("/instances/beta/reset_password", {}, key="administrator")
        self.env.invalidate_all()
        self.assertFalse(request.sudo().api_password_sealed)
