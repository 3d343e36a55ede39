"""What the mails of a subscription say will happen, with the settings and the terms of this moment."""

from odoo import fields, models


class SaasSubscription(models.Model):
    _inherit = "saas.subscription"

    def _account_url(self):
        """The page where the customer can pay and renew by themselves; None: they reply to the mail."""
        return None

    def _after_end(self):
        """What follows when the trial or the period ends and nobody does anything.

        `continues`: the next period begins; `if_paid`: it must be paid; `ends`: the instance is suspended.
        """
        if not self.auto_renew:
            return "ends"
        is_free = not self.next_price
        is_paid_trial = self.state == "trial" and self.payment_state == "paid"
        return "continues" if is_free or is_paid_trial or not self._collects_payments() else "if_paid"

    def _suspended_on(self):
        """The day on which the instance is suspended if nothing is paid or renewed."""
        since = self.state_since if self.state == "past_due" else self.date_end
        days = 0 if self.state == "trial" else self.plan_id.grace_days
        return fields.Date.add(since or self._today(), days=days)

    def _kept_days(self):
        """How many days a suspended instance is kept; 0: for ever."""
        # sudo: a setting
        return max(0, int(self.env["ir.config_parameter"].sudo().get_param("saas.termination_days") or 0))
