"""J1: the nightly work on subscriptions. Both runs may be missed, interrupted or run twice.

The work depends on dates only, never on earlier runs: after a week without a server the next run catches up.
Dates are in the time zone of the cron's user, which stands for the company's.
"""

from odoo import api, fields, models
from odoo.fields import Domain

from .. import periods
from .saas_subscription import BLOCKED


class SaasSubscription(models.Model):
    _inherit = "saas.subscription"

    @api.model
    def _cron_renew(self):
        """01:00: add periods that begin within a week; turn ending trials into paid subscriptions."""
        subscriptions = self._for_the_night()
        subscriptions._sweep_all((subscriptions._renewal_domain(), "_renew_due"))

    @api.model
    def _cron_expire(self):
        """02:00: remind, mark as past due, suspend or expire, terminate."""
        subscriptions = self._for_the_night()
        subscriptions._sweep_all(
            (subscriptions._reminder_domain(), "_remind", "_reminder"),
            (subscriptions._due_domain(), "_fall_due"),
            (Domain("state", "=", "past_due"), "_give_up", "_is_grace_over"),
            (subscriptions._trial_over_domain(), "_end_trial"),
            (subscriptions._block_domain(), "_block_instance", "_is_current"),
            (subscriptions._termination_domain(), "_terminate_instance", "_is_current"),
        )

    def _sweep_instance(self):
        return self.instance_id

    def _for_the_night(self):
        """Subscriptions of all companies, without tracking: a change is one log line, not one per field."""
        return self.sudo().with_context(tracking_disable=True)

    def _tell(self, level, text):
        """Write a line into each instance's log; `text` may contain `name` and `end`."""
        messages = {
            subscription.instance_id: text % {"name": subscription.name, "end": subscription.date_end}
            for subscription in self
        }
        self.instance_id._log(level, messages)

    def _paid_domain(self):
        """The domain of `_is_paid`."""
        if not self._collects_payments():
            return Domain.TRUE
        return Domain("payment_state", "=", "paid") | Domain("price", "=", 0)

    # ------------------------------------------------------------ renew

    def _renewal_domain(self):
        today = self._today()
        in_time = fields.Date.add(today, days=periods.RENEWAL_DAYS)
        active = Domain("state", "=", "active") & Domain("date_end", "<=", in_time)
        trial = Domain("state", "=", "trial") & Domain("date_end", "<=", today)
        return Domain("auto_renew", "=", True) & self._paid_domain() & (active | trial)

    def _renew_due(self):
        """Add periods until today is covered, but none after a period that is not paid."""
        domain = self._renewal_domain()
        due = self
        while due := due.filtered_domain(domain):
            due._renew()
        self._tell("info", self.env._("%(name)s is renewed until %(end)s."))

    # ------------------------------------------------------------ remind

    def _reminder_domain(self):
        today = self._today()
        first = fields.Date.add(today, days=max(periods.REMINDER_DAYS))
        ends = Domain("date_end", ">", today) & Domain("date_end", "<=", first)
        active = Domain("state", "=", "active") & Domain("auto_renew", "=", False)
        trial = Domain("state", "=", "trial") & Domain("payment_state", "!=", "paid")
        return ends & (active | trial)

    def _reminder(self):
        """The reminder to send today, as for `reminded_for`; False if it was sent, or none is due."""
        start = self.period_start or self.date_start
        days = periods.reminder_due(self._today(), start, self.date_end)
        reminder = days and f"{self.date_end}:{days}"
        return reminder if reminder != self.reminded_for else False

    def _remind(self):
        for subscription in self:
            reminder = subscription._reminder()
            subscription.reminded_for = reminder
            subscription._send_reminder(int(reminder.partition(":")[2]))

    # ------------------------------------------------------------ past due, suspend, expire

    def _due_domain(self):
        """Its period has begun and is not paid, or has ended and is not to be renewed."""
        today = self._today()
        owed = ~self._paid_domain() & Domain("period_start", "<=", today)
        ended = Domain("auto_renew", "=", False) & Domain("date_end", "<=", today)
        return Domain("state", "=", "active") & (owed | ended)

    def _fall_due(self):
        """Start the days of grace: the instance runs on, with a notice on every page."""
        for subscription in self:
            if subscription._is_paid():
                subscription._move("fall_due")
            else:
                subscription._move("fall_due", payment_state="overdue")
                subscription._emit("subscription.payment_overdue")
        self._tell("warning", self.env._("%(name)s is past due."))

    def _is_grace_over(self):
        until = fields.Date.add(self.state_since, days=self.plan_id.grace_days)
        return until <= self._today()

    def _give_up(self):
        for subscription in self:
            is_owed = subscription.payment_state == "overdue"
            subscription._move("suspend" if is_owed else "expire")
        self._tell("warning", self.env._("%(name)s is over: its days of grace have ended."))

    def _trial_over_domain(self):
        over = Domain("state", "=", "trial") & Domain("date_end", "<=", self._today())
        return over & (Domain("auto_renew", "=", False) | ~self._paid_domain())

    def _end_trial(self):
        """S4: trials have no days of grace."""
        for subscription in self:
            subscription._move("expire")
        self._tell("warning", self.env._("%(name)s is over: its trial has ended."))

    # ------------------------------------------------------------ block, terminate

    def _block_domain(self):
        """Also those that could not be blocked on the day they ended."""
        states = Domain("state", "in", BLOCKED)
        active = Domain("instance_id.state", "=", "active") & Domain("instance_id.operation", "=", False)
        return states & active

    def _termination_domain(self):
        """S2: those whose instance has been blocked for `saas.termination_days`. 0: never."""
        days = int(self.env["ir.config_parameter"].sudo().get_param("saas.termination_days") or 0)
        if days <= 0:
            return Domain.FALSE
        now = fields.Datetime.now()
        return (
            Domain("state", "in", BLOCKED)
            & Domain("state_since", "<=", fields.Date.subtract(self._today(), days=days))
            & Domain("instance_id.state", "in", ("suspended", "expired"))
            & Domain("instance_id.operation", "=", False)
            & Domain("instance_id.suspended_at", "<=", fields.Datetime.subtract(now, days=days))
        )
