"""Actions of operators, and payments, on a subscription."""

from odoo import models
from odoo.exceptions import UserError

from .saas_subscription import RUNS


class SaasSubscription(models.Model):
    _inherit = "saas.subscription"

    def action_start(self):
        """Start a subscription that was created by hand, with the plan's trial, if it has one."""
        for subscription in self:
            if subscription.instance_id.state != "active":
                raise UserError(
                    self.env._("%s must be active to be billed.", subscription.instance_id.display_name)
                )
            subscription._check_only_live()
            subscription._check_plan_of_instance()
            subscription._start()

    def _check_only_live(self):
        """Raise UserError if the instance has another current subscription."""
        others = self.instance_id.subscription_ids - self
        live = others.filtered(lambda other: other.state not in ("draft", "cancelled"))
        if live:
            raise UserError(
                self.env._(
                    "%(instance)s has %(other)s already.", instance=self.instance_id.name, other=live[0].name
                )
            )

    def _check_plan_of_instance(self):
        """Raise UserError if its plan is not the instance's plan."""
        if self.plan_id != self.instance_id.plan_id:
            raise UserError(
                self.env._(
                    "%(instance)s has the plan %(plan)s: give %(subscription)s the same.",
                    instance=self.instance_id.name,
                    plan=self.instance_id.plan_id.sudo().name,
                    subscription=self.name,
                )
            )

    def action_renew(self):
        """Add a period now; a trial becomes a paid subscription from its end on."""
        self._lock_terms()
        self._renew()

    def action_register_payment(self):
        """Note the payment; an instance that was blocked for it is reactivated at once.

        If the period has ended meanwhile, a new one starts today.
        """
        self._lock_terms()
        for subscription in self:
            today = subscription._today()
            if subscription.state == "trial":
                subscription.payment_state = "paid"
            elif subscription.date_end and subscription.date_end > today:
                subscription._resume()
            else:
                subscription._check_transition("pay")
                subscription._resume(**subscription._first_period(today))

    def action_cancel(self):
        """Do not renew it: it ends with its period. With `cancel_now` in the context: today."""
        for subscription in self:
            subscription._check_transition("cancel")
            if self.env.context.get("cancel_now") or subscription.state not in RUNS:
                subscription._cancel_now()
            else:
                subscription.write({"auto_renew": False, **subscription._without_unpaid_period()})

    def _without_unpaid_period(self):
        """The values that remove a period that was added ahead, has not begun and is not paid."""
        if self.state != "active" or self._is_paid() or self.period_start <= self._today():
            return {}
        return {"date_end": self.period_start, "payment_state": "pending" if self.owed_since else "paid"}

    def _cancel_now(self):
        self._move("cancel", auto_renew=False, date_end=self._today())
        self._block_instance()

    def action_change_period(self):
        """Change from monthly to yearly or back, from the next period on."""
        for subscription in self:
            if subscription.state not in ("draft", "trial", "active"):
                raise UserError(
                    self.env._("%s must be active to change its period.", subscription.display_name)
                )
            subscription._switch_period()

    def _switch_period(self):
        """Change the length from the next period on: the current one keeps its length and its price."""
        self.check_access("write")
        present = self.next_period or self.period
        other = "yearly" if present == "monthly" else "monthly"
        # sudo: see `_note`; and only actions write the next period's length
        inside = self.sudo()
        if inside.period_ids._priced():
            inside.next_period = other if other != self.period else False
        else:
            self.period = other

    def action_add_free_days(self):
        """Add a week, or `free_days` of the context."""
        self._extend(self.env.context.get("free_days", 7))
