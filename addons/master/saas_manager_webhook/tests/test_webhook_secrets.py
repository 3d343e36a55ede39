"""X5: a secret is sealed, told once, and exchanged without a message being lost."""

import base64
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from standardwebhooks import Webhook, WebhookVerificationError

from .webhook_case import WebhookCase


@tagged("post_install", "-at_install")
class TestWebhookSecrets(WebhookCase):
    def _shown(self, action):
        return action["context"]["default_secret"]

    def _last_message(self):
        self._deliver(self._happen())
        return self.receiver.messages[-1]

    def _verifies(self, secret, message):
        try:
            return bool(Webhook(secret).verify(message.body, message.headers))
        except WebhookVerificationError:
            return False

    def test_a_secret_is_random_and_sealed(self):
        secret = self._secret()
        self.assertRegex(secret, r"^whsec_[A-Za-z0-9+/]{43}=$")
        self.assertEqual(len(base64.b64decode(secret.removeprefix("whsec_"))), 32)
        self.assertNotIn(secret, self.webhook.secret_sealed)
        self.assertNotEqual(secret, self._secret(self._make_webhook()))
        self.assertNotEqual(secret, self._secret(self.webhook.copy()))

    def test_it_is_shown_once(self):
        webhook = self.webhook.with_user(self.users["administrator"])
        self.assertEqual(self._shown(webhook.action_show_secret()), self._secret())
        with self.assertRaises(UserError):
            webhook.action_show_secret()

    def test_nobody_reads_it_otherwise(self):
        for user in ("manager", "administrator"):
            with self.subTest(user), self.assertRaises(AccessError):
                self.webhook.with_user(self.users[user]).read(["secret_sealed"])
        for action in ("action_show_secret", "action_new_secret"):
            with self.subTest(action), self.assertRaises(AccessError):
                getattr(self.webhook.with_user(self.users["manager"]), action)()

    def test_the_marks_of_what_was_shown_and_what_still_signs_are_written_by_nobody(self):
        webhook = self.webhook.with_user(self.users["administrator"])
        for field in ("secret_shown_at", "old_secret_until"):
            with self.subTest(field), self.assertRaises(AccessError):
                webhook.write({field: "2031-01-01 00:00:00"})

    def test_the_dialogue_that_shows_it_has_no_table(self):
        self.assertFalse(self.env["saas.webhook.secret"]._auto)

    def test_a_new_one_signs_beside_the_old_one_for_a_day(self):
        old = self._secret()
        new = self._shown(self.webhook.with_user(self.users["administrator"]).action_new_secret())
        self.assertNotEqual(old, new)
        message = self._last_message()
        self.assertTrue(self._verifies(old, message))
        self.assertTrue(self._verifies(new, message))
        self.webhook.old_secret_until = fields.Datetime.now() - timedelta(seconds=1)
        message = self._last_message()
        self.assertFalse(self._verifies(old, message))
        self.assertTrue(self._verifies(new, message))
        self.env["saas.webhook"]._gc_old_secrets()
        self.assertFalse(self.webhook.old_secret_sealed)

    def test_it_is_in_no_history(self):
        secret = self._shown(self.webhook.action_new_secret())
        history = "".join(self.webhook.message_ids.mapped(lambda message: str(message.body)))
        self.assertNotIn(secret, history)
        self.assertIn("New secret made", history)
