"""M4: a message to an endpoint, retried until it arrives or a day has passed; also the log of it."""

import random
import uuid
from datetime import timedelta

from odoo import api, fields, models

from ..webhook_sender import send

_WAITS_S = (5, 300, 1800, 7200, 18000, 36000, 21600)
"""After each failure: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 6 h; a receiver may be down for a day."""
_JITTER = 0.1
"""Varies the delays, so that messages that failed together are not all retried at the same time."""
_KEPT_DAYS = 30
_LATE_MIN = 15


class SaasWebhookDelivery(models.Model):
    _name = "saas.webhook.delivery"
    _description = "SaaS Webhook Delivery"
    _order = "id desc"
    _rec_name = "event"

    webhook_id = fields.Many2one(
        "saas.webhook", string="Endpoint", required=True, readonly=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="webhook_id.company_id", store=True, index=True)
    event = fields.Char(required=True, readonly=True, index=True)
    instance_id = fields.Many2one("saas.instance", readonly=True, index="btree_not_null", ondelete="set null")
    message_id = fields.Char(
        string="Message ID",
        required=True,
        readonly=True,
        default=lambda self: f"msg_{uuid.uuid4().hex}",
        help="The same for each attempt, so that the receiver recognizes repeated messages.",
    )
    payload = fields.Text(required=True, readonly=True)
    state = fields.Selection(
        [("pending", "Pending"), ("delivered", "Delivered"), ("failed", "Failed")],
        required=True,
        readonly=True,
        default="pending",
        index=True,
    )
    attempt_count = fields.Integer(string="Attempts", readonly=True)
    failure_count = fields.Integer(
        readonly=True, help="Attempts since it was sent or replayed; they determine how long to wait."
    )
    next_attempt_at = fields.Datetime(readonly=True, default=fields.Datetime.now, index="btree_not_null")
    attempted_at = fields.Datetime(string="Last Attempt", readonly=True)
    status = fields.Integer(readonly=True, aggregator=None, help="The HTTP status; 0: there was no answer.")
    response = fields.Text(readonly=True, help="The beginning of the last answer.")
    duration_s = fields.Float(string="Duration (s)", readonly=True, digits=(16, 3), aggregator=None)
    error = fields.Char(readonly=True, help="Why there was no answer at the last attempt.")

    _message_id_unique = models.UniqueIndex("(message_id)")

    # ------------------------------------------------------------ buttons

    def action_replay(self):
        """Send them again now: with the same id and body, a new timestamp, and retries for another day."""
        self.webhook_id.check_access("write")
        # sudo: only code writes deliveries
        deliveries = self.sudo()
        deliveries.write({"state": "pending", "failure_count": 0, "next_attempt_at": fields.Datetime.now()})
        deliveries._enqueue()

    # ------------------------------------------------------------ jobs

    def _enqueue(self):
        """Let a job make the next attempt when it is due."""
        for delivery in self:
            due = delivery.next_attempt_at
            delivery.with_delay(
                channel="root.saas_webhook",
                description=self.env._("%(event)s to %(endpoint)s", **delivery._names()),
                eta=due if due > fields.Datetime.now() else None,
                identity_key=f"{self._name}.{delivery.id}.{due:%Y%m%d%H%M%S}",
            )._deliver()

    def _names(self):
        return {"event": self.event, "endpoint": self.webhook_id.name}

    def _deliver(self):
        """Job: make one attempt. Its result and the next attempt's job are committed together."""
        self.ensure_one()
        if not self._is_due():
            return self.env._("Nothing to do.")
        if not self.webhook_id.active:
            return self._fail(self.env._("The endpoint is switched off."))
        attempt = self._send()
        self._note(attempt)
        if attempt.is_delivered:
            self.write({"state": "delivered", "next_attempt_at": False})
        elif attempt.is_unwanted:
            reason = self.env._("The endpoint answered 410: it does not exist any more.")
            self.webhook_id._switch_off(reason)
            self._fail(reason)
        else:
            self._try_again_later()
        return self.error or self.env._("Answered %s.", attempt.status)

    def _is_due(self):
        """False if the message was sent, replayed or deleted since the job was created."""
        is_pending = self.exists() and self.state == "pending"
        return is_pending and self.next_attempt_at <= fields.Datetime.now()

    def _send(self):
        webhook = self.webhook_id
        allow_private = webhook._is_private_allowed()
        return send(self.env, webhook.url, self.message_id, self.payload, webhook._secrets(), allow_private)

    def _note(self, attempt):
        self.write(
            {
                "attempt_count": self.attempt_count + 1,
                "attempted_at": fields.Datetime.now(),
                "status": attempt.status,
                "response": attempt.response,
                "duration_s": attempt.duration_s,
                "error": attempt.error,
            }
        )

    def _result(self):
        """The last attempt as a sentence for people."""
        if self.error:
            return self.error
        return self.env._(
            "It answered %(status)s after %(duration).2f s.", status=self.status, duration=self.duration_s
        )

    def _try_again_later(self):
        if self.failure_count >= len(_WAITS_S):
            self._fail(self.error or self.env._("The endpoint answered %s.", self.status))
            return
        wait_s = _WAITS_S[self.failure_count] * random.uniform(1 - _JITTER, 1 + _JITTER)
        due = fields.Datetime.now() + timedelta(seconds=round(wait_s))
        self.write({"failure_count": self.failure_count + 1, "next_attempt_at": due})
        self._enqueue()

    def _fail(self, reason):
        """The endpoint stays active: the next messages may arrive."""
        self.write({"state": "failed", "next_attempt_at": False, "error": reason})
        if self.webhook_id.active:
            summary = self.env._("Messages to %s do not arrive", self.webhook_id.name)
            self.webhook_id._ask_operators(summary, reason)
        return reason

    def _on_delivery_failed(self, exc_message="", **_values):
        """Called by the queue when a job ended in an unexpected error, which counts as a failed attempt."""
        for delivery in self.sudo().exists().filtered(lambda d: d.state == "pending"):
            delivery.error = str(exc_message) or self.env._("An unexpected error; see the job.")
            delivery._try_again_later()

    # ------------------------------------------------------------ automation

    @api.model
    def _cron_resume(self):
        """Create new jobs for messages whose job was lost; the identity key prevents duplicates."""
        late = fields.Datetime.subtract(fields.Datetime.now(), minutes=_LATE_MIN)
        self.search([("state", "=", "pending"), ("next_attempt_at", "<", late)])._enqueue()

    @api.autovacuum
    def _gc_deliveries(self):
        before = fields.Datetime.subtract(fields.Datetime.now(), days=_KEPT_DAYS)
        self.search([("state", "!=", "pending"), ("create_date", "<", before)]).unlink()
