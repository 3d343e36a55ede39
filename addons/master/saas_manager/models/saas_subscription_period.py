"""A period of a subscription: plan, dates and price. Its terms are frozen when it begins."""

from datetime import date
from itertools import pairwise

from odoo import api, fields, models
from odoo.exceptions import UserError

_FROZEN = {"subscription_id", "kind", "date_start", "plan_id", "period", "price", "currency_id"}


class SaasSubscriptionPeriod(models.Model):
    """A period that begins and ends on the same day was replaced, or removed, before it began."""

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
    date_start = fields.Date(string="Start Date", required=True)
    date_end = fields.Date(
        string="End Date", required=True, help="The first day that is not covered any more."
    )
    plan_id = fields.Many2one("saas.plan", required=True, index=True, ondelete="restrict")
    period = fields.Selection(
        [("monthly", "Monthly"), ("yearly", "Yearly")], help="Empty: free days, or a trial."
    )
    price = fields.Monetary(help="For one whole month or year: the plan's price when this period began.")
    currency_id = fields.Many2one("res.currency", required=True, ondelete="restrict")
    mrr = fields.Monetary(
        string="Monthly Revenue", compute="_compute_mrr", store=True, help="Its price per month."
    )

    # Ranges of one integer: without them this index would need an extension of PostgreSQL.
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
        """Allow changes of the end only, for the superuser, too."""
        if _FROZEN & vals.keys():
            raise UserError(
                self.env._("The plan, the start and the price of a period cannot be changed afterwards.")
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("Periods are deleted with their subscription only."))

    def _in_order(self):
        """The earliest first; a period that replaces another comes after it."""
        return self.sorted(lambda row: (row.date_start, row._origin.id))

    def _with_days(self):
        """Those that cover at least one day, the earliest first."""
        return self._in_order().filtered(lambda row: row.date_start < row.date_end)

    def _priced(self):
        """Those with a price, the earliest first: without trials, and without removed periods."""
        asks = self._with_days().filtered(lambda row: row.kind in ("period", "change"))
        return (asks | self.filtered(lambda row: row.kind == "agreed"))._in_order()

    def _since(self):
        """The first day of the last period, including parts before a change of plan; None without periods."""
        rows = self._with_days()
        last = rows[-1:]
        for row in reversed(rows[:-1]):
            is_one = last.kind == "change" or last.kind == row.kind != "period"
            if not is_one or row.date_end != last.date_start:
                break
            last = row
        return last.date_start or None

    def _terms(self):
        """The values of a new period at the same price."""
        self.ensure_one()
        return {
            "plan_id": self.plan_id.id,
            "period": self.period,
            "price": self.price,
            "currency_id": self.currency_id.id,
        }

    def _end_at(self, end, today, *, lengthen):
        """Move the end of a subscription's periods: shorten, remove or lengthen the last ones.

        Periods until `today` are kept, even if the new end is earlier.
        """
        kept = max(end, today)
        for row in self._with_days().filtered(lambda row: row.date_end > kept):
            row.date_end = max(row.date_start, kept)
        if lengthen:
            self._lengthen(end)

    def _lengthen(self, end):
        """Restore removed periods; without any, lengthen the last one."""
        last = self._with_days()[-1:]
        if last and last.date_end >= end:
            return
        back = self._removed_after(last, end)
        starts = [*back.mapped("date_start"), end]
        if last:
            last.date_end = starts[0]
        for row, (start, stop) in zip(back, pairwise(starts), strict=True):
            row.subscription_id._note_period(row.kind, start, stop, row._terms())

    def _removed_after(self, last, end):
        """The removed periods after the last one, on the current plan: one for each start."""
        plan = self.sorted("id")[-1:].plan_id
        since = last.date_end or date.min
        newest = {
            row.date_start: row
            for row in self._in_order()
            if row.kind != "agreed"
            and row.plan_id == plan
            and row.id > last.id
            and since <= row.date_start < end
        }
        return self.browse([row.id for row in newest.values()])

    def _continue_with_plan(self, plan, today):
        """End each period today, or before it begins; the rest continues on the plan, at the plan's price."""
        for row in self:
            start, end = max(row.date_start, today), row.date_end
            in_midst = row.period and start > row.date_start
            row.date_end = start
            kind = "change" if in_midst else row.kind
            row.subscription_id._note_period(kind, start, end, plan._terms(row.period))
