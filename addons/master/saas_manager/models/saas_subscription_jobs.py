"""A subscription's effects on its instance: it requests operations, the instance's jobs run them."""

from odoo import models
from odoo.addons.queue_job.exception import RetryableJobError

from .. import gateway

_BUSY_S = 20
"""The delay before the next attempt while the instance is busy."""


class SaasSubscription(models.Model):
    _inherit = "saas.subscription"

    def _entitle_instance(self):
        """Sign the instance's entitlements again, if they changed with the subscription."""
        for subscription in self.filtered(lambda s: s.state in ("trial", "active", "past_due")):
            if subscription._is_current():
                subscription.instance_id._entitle_later()

    def _block_instance(self):
        """Block an active instance that its subscription no longer covers.

        An instance that is busy is left to the next nightly run.
        """
        for subscription in self.filtered(lambda s: s._is_current()):
            instance = subscription.instance_id
            if instance.state != "active" or instance.operation:
                continue
            operation = "suspend" if subscription.state == "suspended" else "expire"
            if instance._can(operation):
                instance._intend(operation, subscription._why_blocked())
            else:
                reason = f"{subscription._why_blocked()} {gateway.refusal(instance.server_id)}"
                instance._emit("instance.not_blocked", reason=reason)

    def _why_blocked(self):
        if self.state == "suspended":
            return self.env._("The payment is overdue.")
        if self.state == "cancelled":
            return self.env._("The subscription was cancelled.")
        return self.env._("The subscription ended on %s.", self.date_end)

    def _terminate_instance(self):
        """S2: terminate an instance that was blocked for too long; as superuser, without a typed name."""
        self.instance_id.action_terminate()

    def _reactivate_instance(self):
        """Reactivate the instance at once, or when its running operation has ended."""
        for subscription in self:
            if subscription.instance_id.operation:
                subscription.with_delay(
                    channel=f"root.saas.{subscription.instance_id.server_id.code or 'none'}",
                    description=self.env._("Reactivate %s", subscription.instance_id.name),
                    identity_key=f"{self._name}._reactivate_when_free.{subscription.id}",
                    eta=_BUSY_S,
                )._reactivate_when_free()
            else:
                subscription._reactivate_if_blocked()

    def _reactivate_when_free(self):
        """Job: reactivate an instance that was paid for while it was being blocked."""
        self.ensure_one()
        if self.instance_id.operation:
            message = self.env._("Something is being done with %s.", self.instance_id.name)
            raise RetryableJobError(message, seconds=_BUSY_S, ignore_retry=True)
        self._reactivate_if_blocked()

    def _reactivate_if_blocked(self):
        if self.state == "active" and self.instance_id.state in ("suspended", "expired"):
            self.instance_id.action_reactivate()

    def _instance_terminated(self):
        """Called by the instance."""
        self.filtered(lambda s: s.state != "cancelled")._move("cancel", auto_renew=False)

    # ------------------------------------------------------------ mails

    def _send_reminder(self, days):
        """Tell the customer that it ends in `days` days and does not renew automatically."""
        for subscription in self:
            is_trial = subscription.state == "trial"
            subscription._emit("subscription.trial_ending" if is_trial else "subscription.expiring")
