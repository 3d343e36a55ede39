"""What a subscription had, from when to when, at which price. Its terms are frozen when it begins."""

from odoo import api, fields, models
from odoo.exceptions import UserError

_FROZEN = {"subscription_id", "kind", "date_start", "plan_id", "period", "price", "currency_id"}


class SaasSubscriptionPeriod(models.Model):
    """One that begins and ends on the same day was replaced, or taken back, before it began."""

    _name = "saas.subscription.period"
    _description = "SaaS Subscription Period"
    _order = "date_start desc, id desc"
    _rec_name = "subscription_id"

    subscription_id = fields.Many2one("saas.subscription", required=True, index=True, ondelete="cascade")
    instance_id = fields.Many2one(related="subscription_id.instance_id")
    company_id = fields.Many2one(related="subscription_id.company_id", store=True, index=True)
    kind = fields.Selection(
        [
            ("trial", "Trial"),
            ("agreed", "Paid During the Trial"),
            ("period", "Period"),
            ("change", "Rest of a Period, Plan Changed"),
            ("free", "Free Days"),
        ],
        required=True,
    )
    date_start = fields.Date(string="Start", required=True)
    date_end = fields.Date(string="End", required=True, help="The first day that is not covered any more.")
    plan_id = fields.Many2one("saas.plan", required=True, index=True, ondelete="restrict")
    period = fields.Selection(
        [("monthly", "Monthly"), ("yearly", "Yearly")], help="Empty: free days, or a trial."
    )
    price = fields.Monetary(help="Of one whole month or year, as the plan had it when this began.")
    currency_id = fields.Many2one("res.currency", required=True, ondelete="restrict")
    mrr = fields.Monetary(
        string="Monthly Revenue", compute="_compute_mrr", store=True, help="Its price, a month."
    )

    # Ranges of one number, so that no extension of PostgreSQL is needed for an integer in this index.
    _one_at_a_time = models.Constraint(
        "EXCLUDE USING gist (int4range(subscription_id, subscription_id, '[]') WITH &&,"
        " daterange(date_start, date_end) WITH &&)",
        "A subscription has one period at a time.",
    )
    _dates_in_order = models.Constraint("CHECK (date_start <= date_end)", "A period ends after it starts.")

    @api.depends("price", "period")
    def _compute_mrr(self):
        for row in self:
            row.mrr = row.price / 12 if row.period == "yearly" else row.price

    def write(self, vals):
        """Also for the superuser: only the end moves."""
        if _FROZEN & vals.keys():
            raise UserError(self.env._("What a period was and cost is not changed afterwards."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("Periods are deleted with their subscription only."))

    def _in_order(self):
        """The earliest first; what replaced another comes after it."""
        return self.sorted(lambda row: (row.date_start, row._origin.id))

    def _with_days(self):
        """Those that cover a day at least, the earliest first."""
        return self._in_order().filtered(lambda row: row.date_start < row.date_end)

    def _priced(self):
        """Those that say a price, the earliest first: no trial, nothing that was taken back."""
        asks = self._with_days().filtered(lambda row: row.kind in ("period", "change"))
        return (asks | self.filtered(lambda row: row.kind == "agreed"))._in_order()

    def _terms(self):
        """The values a period at the same price begins with."""
        self.ensure_one()
        return {
            "plan_id": self.plan_id.id,
            "period": self.period,
            "price": self.price,
            "currency_id": self.currency_id.id,
        }

    def _end_at(self, end, *, lengthen):
        """Let one subscription's periods end on a day: cut or take back the last; or make it longer."""
        for row in reversed(self._with_days()):
            if row.date_start >= end:
                row.date_end = row.date_start
                continue
            if row.date_end > end or (lengthen and row.date_end < end):
                row.date_end = end
            return

    def _go_on_with(self, plan, today):
        """End each today, or before it begins; the plan has what was left of it, at the plan's price."""
        for row in self:
            start, end = max(row.date_start, today), row.date_end
            in_midst = row.period and start > row.date_start
            row.date_end = start
            kind = "change" if in_midst else row.kind
            row.subscription_id._note_period(kind, start, end, plan._terms(row.period))
