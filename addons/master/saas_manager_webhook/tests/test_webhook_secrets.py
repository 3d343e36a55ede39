"""X5: a secret is encrypted, shown once, and replaced without losing a message."""

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

    def test_a_secret_is_random_and_encrypted(self):
        secret = self._secret()
        self.assertRegex(secret, r"^whsec_[A-Za-z0-9+/]{43}=$")
        self.assertEqual(len(base64.b64decode(secret.removeprefix("whsec_"))), 32)
        self.assertNotIn(secret, self.webhook.secret_sealed)
        self.assertNotEqual(secret, self._secret(self._make_webhook()))
        self.assertNotEqual(secret, self._secret(self.webhook.copy()))

    def test_a_secret_is_shown_once(self):
        webhook = self.webhook.with_user(self.users["administrator"])
        self.assertEqual(self._shown(webhook.action_show_secret()), self._secret())
        with self.assertRaises(UserError):
            webhook.action_show_secret()

    def test_a_secret_cannot_be_read_otherwise(self):
        for user in ("manager", "administrator"):
            with self.subTest(user), self.assertRaises(AccessError):
                self.webhook.with_user(self.users[user]).read(["secret_sealed"])
        for action in ("action_show_secret", "action_new_secret"):
            with self.subTest(action), self.assertRaises(AccessError):
                getattr(self.webhook.with_user(self.users["manager"]), action)()

    def test_users_cannot_write_the_fields_of_the_secrets_actions(self):
        webhook = self.webhook.with_user(self.users["administrator"])
        for field in ("secret_shown_at", "old_secret_until"):
            with self.subTest(field), self.assertRaises(AccessError):
                webhook.write({field: "2031-01-01 00:00:00"})

    def test_the_wizard_that_shows_a_secret_has_no_table(self):
        self.assertFalse(self.env["saas.webhook.secret"]._auto)

    def test_the_old_secret_signs_together_with_the_new_one_for_a_day(self):
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

    def test_a_secret_is_not_in_the_chatter(self):
        secret = self._shown(self.webhook.action_new_secret())
        history = "".join(self.webhook.message_ids.mapped(lambda message: str(message.body)))
        self.assertNotIn(secret, history)
        self.assertIn("New secret made", history)
