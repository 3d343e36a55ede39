"""Creates periods for running subscriptions without any: older ones, or imported ones."""

from odoo import fields, models

from .. import periods
from .saas_subscription_terms import COVERED

_SHORT_MONTHS_DAYS = 3


class SaasSubscription(models.Model):
    _inherit = "saas.subscription"

    def _freeze(self):
        """Give running subscriptions without a period, older or imported ones, a period at today's price."""
        for subscription in self:
            if subscription._has_to_be_frozen():
                subscription._freeze_running()

    def _has_to_be_frozen(self):
        runs = self.state in (*COVERED, "suspended") and self.date_end
        return runs and not self.sudo().period_ids

    def _freeze_running(self):
        start = min(self.period_start or self.date_start or self.date_end, self.date_end)
        if self.state == "trial":
            self._note_period("trial", start, self.date_end, self.plan_id._terms(None))
            if self.payment_state == "paid":
                self._note_paid_ahead()
            return
        running = self._running_period(start)
        if start == self.date_end:  # a period renewed ahead was removed; the one before it runs
            start = periods.end_of(self.date_end, running, -1)
            self.sudo().period_start = start  # sudo: only actions write it
        terms = self.plan_id._terms(running)
        before = self._start_before(start, running)
        if before:
            self._note_period("period", before, start, terms)
        self._note_period("period", start, self.date_end, terms)
        if running != self.period:
            # sudo: only actions write the next period's length
            self.sudo().write({"period": running, "next_period": self.period})
        if self.state == "suspended":
            self._end_suspended()

    def _end_suspended(self):
        """End the periods on the day the subscription was blocked."""
        since = self.state_since or self._today()
        # sudo: see `_note`
        self.sudo().period_ids._end_at(since, since, lengthen=False)
        self._follow_periods()

    def _mend_periods(self):
        """Correct periods of older versions: end those of blocked subscriptions, and find the last period."""
        for subscription in self:
            if subscription.state == "suspended":
                subscription._end_suspended()
            elif subscription.state in COVERED and subscription._has_lost_its_period():
                # sudo: see `_note`
                if subscription.sudo().period_ids._since():
                    subscription._fall_back_to_previous_period()
                else:
                    subscription._freeze_running()

    def _start_before(self, start, running):
        """Where the current period began, if it was renewed ahead; after free days that is not known."""
        today = self._today()
        if start <= today or not self.date_start or self._was_on_trial_until(start):
            return False
        if self.period_count > 1:
            return min(periods.end_of(self.date_start, running, self.period_count - 2), start)
        return today if self.period_count else False

    def _was_on_trial_until(self, start):
        """Whether its first period follows a trial in which it was renewed."""
        if self.period_count != 1 or not self.state_since:
            return False
        return start <= fields.Date.add(self.state_since, days=self.plan_id.trial_days)

    def _running_period(self, start):
        """The length of the current period: after a switch, `period` is the next one's already."""
        if self.period_count or self._fits(start, self.period):
            return self.period
        other = "yearly" if self.period == "monthly" else "monthly"
        return other if self._fits(start, other) else self.period

    def _fits(self, start, period):
        """Whether the last period has that length; short months move its end by up to three days."""
        return abs((periods.end_of(start, period, 1) - self.date_end).days) <= _SHORT_MONTHS_DAYS
