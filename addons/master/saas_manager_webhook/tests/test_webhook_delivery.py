"""M4: messages are signed, retried for a day, and logged."""

import json
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged
from standardwebhooks import Webhook, WebhookVerificationError

from .. import webhook_sender
from ..models.saas_webhook_delivery import _JITTER, _WAITS_S, SaasWebhookDelivery
from .webhook_case import WebhookCase


@tagged("post_install", "-at_install")
class TestWebhookDelivery(WebhookCase):
    def setUp(self):
        super().setUp()
        self.delivery = self._happen()

    def test_the_receiver_can_verify_it_with_the_official_library(self):
        self._deliver(self.delivery)
        (message,) = self.receiver.messages
        told = Webhook(self._secret()).verify(message.body, message.headers)
        self.assertEqual(told, json.loads(self.delivery.payload))
        self.assertEqual(message.headers["webhook-id"], self.delivery.message_id)
        self.assertEqual(message.headers["user-agent"], "Tenantry-Webhooks/1")
        self.assertEqual(message.headers["content-type"], "application/json")
        self.assertEqual((self.delivery.state, self.delivery.status), ("delivered", 200))

    def test_a_changed_message_is_not_verified(self):
        self._deliver(self.delivery)
        (message,) = self.receiver.messages
        with self.assertRaises(WebhookVerificationError):
            Webhook(self._secret()).verify(message.body.replace("acme", "evil"), message.headers)
        with self.assertRaises(WebhookVerificationError):
            headers = {**message.headers, "webhook-id": "msg_other"}
            Webhook(self._secret()).verify(message.body, headers)

    def test_every_failed_attempt_is_repeated_with_the_same_id_and_body(self):
        self.receiver.will_answer(500, 404, 302, 400)
        for count in range(1, 5):
            self._deliver(self.delivery)
            self.assertEqual((self.delivery.state, self.delivery.attempt_count), ("pending", count))
            self.assertGreater(self.delivery.next_attempt_at, fields.Datetime.now())
        self._deliver(self.delivery)
        self.assertEqual((self.delivery.state, self.delivery.attempt_count), ("delivered", 5))
        self.assertEqual(len({message.headers["webhook-id"] for message in self.receiver.messages}), 1)
        self.assertEqual(len({message.body for message in self.receiver.messages}), 1)

    def test_a_missing_receiver_is_an_error_and_is_retried(self):
        with self._nobody_listens():
            self._deliver(self.delivery)
        self.assertEqual((self.delivery.state, self.delivery.status), ("pending", 0))
        self.assertIn("refused", self.delivery.error)

    def test_the_retries_last_for_a_day_and_are_spread(self):
        self.assertTrue(18 * 3600 < sum(_WAITS_S) * (1 - _JITTER) < 30 * 3600)
        with self._nobody_listens():
            for wait_s in _WAITS_S:
                self._deliver(self.delivery)
                waits_s = (self.delivery.next_attempt_at - self.delivery.attempted_at).total_seconds()
                self.assertTrue(wait_s * 0.9 - 2 <= waits_s <= wait_s * 1.1 + 2, (wait_s, waits_s))
                job = self.jobs.enqueued_jobs[-1]
                self.assertEqual(job.eta.replace(microsecond=0), self.delivery.next_attempt_at)

    def _asked(self):
        return set(self.webhook.activity_ids.mapped("summary"))

    def _give_up(self, delivery):
        with self._nobody_listens():
            for _attempt in range(len(_WAITS_S) + 1):
                self._deliver(delivery)

    def test_after_a_day_a_message_fails_with_an_activity_and_the_endpoint_stays_active(self):
        self._give_up(self.delivery)
        self.assertEqual((self.delivery.state, self.delivery.attempt_count), ("failed", 8))
        self.assertFalse(self.delivery.next_attempt_at)
        self.assertTrue(self.webhook.active)
        self.assertEqual(self._asked(), {"Messages to CRM do not arrive"})
        self.assertIn(self.users["administrator"], self.webhook.activity_ids.user_id)
        self.assertNotIn(self.users["manager"], self.webhook.activity_ids.user_id)
        self.assertFalse(self.webhook.is_failing, "one is no row")

    def test_one_activity_is_created_and_repeated_failures_are_flagged_until_one_arrives(self):
        for delivery in (self.delivery, self._happen(), self._happen()):
            delivery._fail("gone")
        self.assertEqual(len(self.webhook.activity_ids), len(self.webhook.activity_ids.user_id))
        self.assertTrue(self.webhook.is_failing)
        self._deliver(self._happen())
        self.webhook.invalidate_recordset()
        self.assertEqual((self.webhook.failed_count, self.webhook.is_failing), (0, False))

    def test_410_switches_the_endpoint_off_at_once(self):
        self.receiver.will_answer(410)
        waiting = self._happen()
        self._deliver(self.delivery)
        self.assertFalse(self.webhook.active)
        self.assertEqual((self.delivery.state, self.delivery.status), ("failed", 410))
        self.assertEqual(self._asked(), {"CRM was switched off"})
        self._deliver(waiting)
        self.assertEqual(waiting.state, "failed")
        self.assertEqual(len(self.receiver.messages), 1, "nothing more is sent")

    def test_a_redirect_is_not_followed(self):
        self.receiver.will_answer(302, Location="/elsewhere")
        self._deliver(self.delivery)
        self.assertEqual(self.receiver.paths, ["/hooks"])
        self.assertEqual((self.delivery.state, self.delivery.status), ("pending", 302))

    def test_the_log_keeps_the_beginning_of_the_answer(self):
        self.receiver.will_answer(500, body=b"x\0" * 100_000)
        self._deliver(self.delivery)
        self.assertEqual(self.delivery.response, "x" * 512)

    def test_a_slow_answer_is_cut_off(self):
        self.receiver.will_answer(200, body=b"", **{"Content-Length": "5"})
        with patch.object(webhook_sender, "_TIMEOUT_S", 0.3):
            self._deliver(self.delivery)
        self.assertEqual(self.delivery.state, "delivered", "the status is the answer")

    def test_replay_sends_it_again_with_the_same_id_and_another_day_to_arrive(self):
        self._give_up(self.delivery)
        self.jobs.enqueued_jobs.clear()  # the first one's key has the same second
        self.delivery.with_user(self.users["administrator"]).action_replay()
        self.assertEqual((self.delivery.state, self.delivery.failure_count), ("pending", 0))
        (job,) = self.jobs.enqueued_jobs
        self.assertEqual(job.recordset, self.delivery)
        self.assertFalse(job.eta, "now")

    def test_delivered_messages_can_be_replayed_several_at_once(self):
        both = self.delivery | self._happen()
        for delivery in both:
            self._deliver(delivery)
        both.with_user(self.users["administrator"]).action_replay()
        for delivery in both:
            delivery._deliver()
        ids = [message.headers["webhook-id"] for message in self.receiver.messages]
        self.assertEqual(ids, both.mapped("message_id") * 2)

    def test_a_job_that_comes_late_or_too_early_does_nothing(self):
        self.delivery.next_attempt_at = fields.Datetime.now() + timedelta(hours=1)
        self.delivery._deliver()
        self.assertFalse(self.receiver.messages, "too early")
        self._deliver(self.delivery)
        self.delivery._deliver()
        self.assertEqual(len(self.receiver.messages), 1, "too late")

    def test_the_job_of_a_deleted_message_does_nothing(self):
        self.webhook.unlink()
        self.delivery._deliver()
        self.delivery._on_delivery_failed(exc_message="deleted")
        self.assertFalse(self.receiver.messages)

    def test_an_unexpected_error_of_the_job_counts_as_a_failed_attempt(self):
        self.delivery._on_delivery_failed(exc_message="The database went away")
        self.assertEqual((self.delivery.state, self.delivery.failure_count), ("pending", 1))
        self.assertEqual(self.delivery.error, "The database went away")

    def test_a_message_whose_job_was_lost_gets_a_new_one(self):
        self.jobs.enqueued_jobs.clear()
        now = fields.Datetime.now()
        self.delivery.next_attempt_at = now - timedelta(hours=1)
        self._happen().next_attempt_at = now + timedelta(hours=1)
        self.jobs.enqueued_jobs.clear()
        self.env["saas.webhook.delivery"]._cron_resume()
        self.assertEqual([job.recordset for job in self.jobs.enqueued_jobs], [self.delivery])

    def test_deliveries_are_kept_for_30_days(self):
        old, waiting = self.delivery, self._happen()
        old.state = "delivered"
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE saas_webhook_delivery SET create_date = now() at time zone 'UTC' - interval '31 days'"
        )
        self.env.invalidate_all()
        young = self._happen()
        young.state = "failed"
        self.env["saas.webhook.delivery"]._gc_deliveries()
        self.assertEqual(self._deliveries(), waiting | young)

    def test_the_queue_reports_failed_jobs(self):
        function = self.env.ref("saas_manager_webhook.job_function_saas_webhook_delivery_deliver")
        self.assertTrue(hasattr(SaasWebhookDelivery, function.on_fail_method))
