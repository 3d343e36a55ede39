"""The contract that keeps an instance active for a period."""

from odoo import api, fields, models

from .saas_lifecycle_mixin import filled_columns

RUNS = ("trial", "active")
BLOCKED = ("suspended", "expired", "cancelled")


class SaasSubscription(models.Model):
    _name = "saas.subscription"
    _description = "SaaS Subscription"
    _inherit = ["saas.lifecycle.mixin", "saas.sweep.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _portal_fields = frozenset(
        """
        id display_name create_date name instance_id partner_id company_id plan_id period date_start date_end
        period_count auto_renew state payment_state currency_id price
        """.split()  # noqa: SIM905
    )

    name = fields.Char(
        string="Number", required=True, readonly=True, copy=False, default=lambda self: self.env._("New")
    )
    instance_id = fields.Many2one(
        "saas.instance", required=True, index=True, ondelete="restrict", tracking=True
    )
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    plan_id = fields.Many2one("saas.plan", required=True, index=True, ondelete="restrict", tracking=True)
    period = fields.Selection(
        [("monthly", "Monthly"), ("yearly", "Yearly")], required=True, default="monthly", tracking=True
    )
    date_start = fields.Date(
        string="Start Date", help="The day all periods are counted from.", copy=False, tracking=True
    )
    date_end = fields.Date(
        string="End Date",
        help="The first day that is not covered any more.",
        copy=False,
        index="btree_not_null",
        tracking=True,
    )
    period_count = fields.Integer(readonly=True, copy=False, help="Paid or renewed periods since the start.")
    period_start = fields.Date(
        string="Last Period's Start", readonly=True, copy=False, help="Its payment is due from this day."
    )
    auto_renew = fields.Boolean(default=True, tracking=True)
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("trial", "Trial"),
            ("active", "Active"),
            ("past_due", "Past Due"),
            ("suspended", "Suspended"),
            ("cancelled", "Cancelled"),
            ("expired", "Expired"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
        index=True,
        tracking=True,
        group_expand=filled_columns("state"),
    )
    state_since = fields.Date(
        readonly=True,
        copy=False,
        help="The days of grace, and the days until termination, are counted from this date.",
    )
    payment_state = fields.Selection(
        [("pending", "Pending"), ("paid", "Paid"), ("overdue", "Overdue")],
        required=True,
        default="pending",
        copy=False,
        tracking=True,
    )
    owed_since = fields.Date(
        readonly=True,
        copy=False,
        help="The start of the earliest period that was owed for when the next one was added.",
    )
    reminded_for = fields.Char(readonly=True, copy=False, help="The last reminder sent, as <end>:<days>.")

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_no_price(vals)
        subscriptions = super().create(vals_list)
        subscriptions._freeze()
        return subscriptions

    def _prepare_create_values(self, vals_list):
        """Number them."""
        number = self.env["ir.sequence"].next_by_code
        return super()._prepare_create_values(
            [{**vals, "name": vals.get("name") or number("saas.subscription")} for vals in vals_list]
        )

    def write(self, vals):
        """Also update the instance's expiry date and entitlements, and the periods."""
        self._check_no_price(vals)
        shown = {subscription: subscription._shown() for subscription in self}
        result = super().write(vals)
        # sudo: only actions write what follows from it
        if follows := self._that_follows(vals):
            self.sudo().write(follows)
        if "date_end" in vals:
            self.instance_id.check_access("write")
            # sudo: as above
            for subscription in self.sudo():
                subscription.instance_id.expires_on = subscription.date_end
        if "date_end" in vals or vals.get("state") in BLOCKED:
            self._end_periods()
        if "date_end" in vals and "period_start" not in vals:
            self._fall_back_to_previous_period()
        if vals.get("payment_state") == "paid":
            self._note_paid_ahead()
        self.filtered(lambda s: s._shown() != shown[s])._entitle_instance()
        return result

    def _move(self, *actions, **values):
        return super()._move(*actions, state_since=self._today(), **values)

    @staticmethod
    def _that_follows(vals):
        """What else to write: the next periods are counted from the new end, if it was changed by hand."""
        is_moved = "date_end" in vals and "period_count" not in vals
        counted = {"date_start": vals["date_end"], "period_count": 0} if is_moved else {}
        return {**counted, "owed_since": False} if vals.get("payment_state") == "paid" else counted

    # ------------------------------------------------------------ current state

    def _today(self):
        return fields.Date.context_today(self)

    @api.model
    def _collects_payments(self):
        """If off, renewed periods count as paid."""
        return bool(self.env["ir.config_parameter"].sudo().get_param("saas.collect_payments"))

    def _is_paid(self):
        """Whether the last period is paid."""
        self.ensure_one()
        return self.payment_state == "paid" or self._is_free()

    def _is_free(self):
        return not self.price or not self._collects_payments()

    def _renews_itself(self):
        """Whether the nightly run renews it at its end: a trial only after it was paid."""
        self.ensure_one()
        renews = self.state == "active" or (self.state == "trial" and self._is_paid())
        return self.auto_renew and renews

    def expiry_to_show(self):
        """The day on which it ends, to show to the customer; False if it renews automatically."""
        ends = self.state in ("trial", "active", "cancelled") and not self._renews_itself()
        return self.date_end if ends else False

    def _shown(self):
        return self.state, self.expiry_to_show()

    def _is_current(self):
        """Whether this is its instance's current subscription, not replaced by a newer one."""
        return self.instance_id.subscription_id == self

    # ------------------------------------------------------------ periods

    def _start(self):
        """S5: start when the instance is active, with the plan's trial, if it has one."""
        for subscription in self:
            subscription._check_transition("start_trial")
            today, days = subscription._today(), subscription.plan_id.trial_days
            if days:
                end = fields.Date.add(today, days=days)
                subscription._note_period("trial", today, end, subscription.plan_id._terms(None))
                dates = {"date_start": today, "period_start": today, "date_end": end}
                subscription._move("start_trial", **dates, period_count=0)
            else:
                subscription._move("activate", **subscription._first_period(today))

    def _renew(self):
        """Add the next period, which starts at the end of the last one; payments during a trial count."""
        trials = self.filtered(lambda s: s.state == "trial")
        (self - trials)._check_transition("renew")
        paid = trials.filtered(lambda s: s._is_paid())
        for subscription, values in self._begin_periods({s: s._renewal() for s in self}):
            if subscription in paid:
                values["payment_state"] = "paid"
            if subscription in trials:
                subscription._move("activate", **values)
            else:
                if not subscription._is_paid():
                    values["owed_since"] = subscription.owed_since or subscription.period_start
                # sudo: as `_move` does it
                subscription.sudo().write(values)

    def _renewal(self):
        """The anchor day of the next period, its first day, and its number."""
        if self.state == "trial" or self.next_period:
            return self.date_end, self.date_end, 1
        return self.date_start, self.date_end, self.period_count + 1

    def _resume(self, **values):
        """Continue after it was past due, suspended or expired, and reactivate its instance."""
        was_blocked = self.state in BLOCKED
        self._add_resumed_period(values.get("date_end", self.date_end))
        self._move("pay", **{**values, "payment_state": "paid"})
        if was_blocked:
            self._reactivate_instance()

    def _extend(self, days):
        """Add free days; later periods are counted from their end. S5: makes up for the operator's faults."""
        for subscription in self:
            today = subscription._today()
            if subscription.state in RUNS:
                subscription.date_end = fields.Date.add(subscription.date_end, days=days)
            else:
                subscription._check_transition("pay")
                begin = max(subscription.date_end or today, today)
                end = fields.Date.add(begin, days=days)
                if begin == today:
                    subscription._note_period("free", today, end, subscription.plan_id._terms(None))
                subscription._resume(date_end=end, period_start=today)
