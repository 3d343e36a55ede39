"""The prices of a subscription: each period takes its price from the plan once, when it begins."""

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from .. import periods
from .saas_subscription import BLOCKED

COVERED = ("trial", "active", "past_due")
_OF_PERIODS = {"price", "mrr", "revenue", "currency_id"}
_IN_FORCE = ("active", "past_due")


class SaasSubscription(models.Model):
    _inherit = "saas.subscription"

    period_ids = fields.One2many("saas.subscription.period", "subscription_id", string="Periods")
    next_period = fields.Selection(
        [("monthly", "Monthly"), ("yearly", "Yearly")],
        readonly=True,
        copy=False,
        tracking=True,
        help="Used from the next period on. Empty: as the current one.",
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_price", store=True)
    price = fields.Monetary(
        compute="_compute_price",
        store=True,
        help="The price of its last period; of the first one, as long as there is none.",
    )
    mrr = fields.Monetary(
        string="Price per Month", compute="_compute_price", store=True, help="Also of a trial."
    )
    revenue = fields.Monetary(
        string="Monthly Revenue",
        compute="_compute_revenue",
        store=True,
        help="Its price per month, while it is active or past due: a trial is no revenue.",
    )
    next_currency_id = fields.Many2one("res.currency", compute="_compute_next_price", compute_sudo=True)
    next_price = fields.Monetary(
        compute="_compute_next_price",
        compute_sudo=True,
        currency_field="next_currency_id",
        help="The price of the next period, if it began now.",
    )

    @api.depends(
        "plan_id.price_monthly",
        "plan_id.price_yearly",
        "plan_id.currency_id",
        "period",
        "period_ids.kind",
        "period_ids.date_start",
        "period_ids.date_end",
        "period_ids.price",
    )
    def _compute_price(self):
        """The price of the period; the current plan's only if no period has one."""
        for subscription in self:
            terms = subscription._last_terms()
            price = terms["price"]
            subscription.currency_id = terms["currency_id"]
            subscription.price = price
            subscription.mrr = price / 12 if terms["period"] == "yearly" else price

    @api.depends("state", "mrr")
    def _compute_revenue(self):
        for subscription in self:
            subscription.revenue = subscription.mrr if subscription.state in _IN_FORCE else 0.0

    def _last_terms(self):
        last = self.period_ids._priced()[-1:]
        return last._terms() if last and last.plan_id == self.plan_id else self.plan_id._terms(self.period)

    @api.depends(
        "plan_id.price_monthly",
        "plan_id.price_yearly",
        "plan_id.currency_id",
        "period",
        "next_period",
        "state",
        "payment_state",
        "period_ids.kind",
    )
    def _compute_next_price(self):
        for subscription in self:
            terms = subscription._next_terms()
            subscription.next_currency_id = terms["currency_id"]
            subscription.next_price = terms["price"]

    def _check_no_price(self, vals):
        """Refuse, for all writers, any price that is not a period's."""
        if _OF_PERIODS & vals.keys():
            raise UserError(
                self.env._("A subscription's price comes from its periods: it cannot be written.")
            )

    @api.constrains("plan_id", "period")
    def _check_terms(self):
        """Refuse, for all writers, changes that would contradict the periods."""
        for subscription in self:
            rows = subscription.period_ids
            if rows and rows.sorted("id")[-1].plan_id != subscription.plan_id:
                raise ValidationError(
                    self.env._(
                        "%s has begun: its plan is changed by Change Plan of its instance.",
                        subscription.display_name,
                    )
                )
            priced = rows._priced()
            if priced and priced[-1].period != subscription.period:
                raise ValidationError(
                    self.env._("%s has begun: switch its period by the button.", subscription.display_name)
                )

    # ------------------------------------------------------------ next period

    def _next_terms(self):
        """The price of a period that begins now: the one paid during the trial, else the plan's."""
        self.ensure_one()
        agreed = self._paid_ahead()
        return agreed._terms() if agreed else self.plan_id._terms(self.next_period or self.period)

    def _paid_ahead(self):
        """The `agreed` row: the terms of the first period, which was paid during the trial."""
        if self.state != "trial" or self.payment_state != "paid":
            return self.env["saas.subscription.period"]
        # sudo: periods are read-only, except for their end, and customers cannot read them at all
        return self.sudo().period_ids._in_order().filtered(lambda row: row.kind == "agreed")[-1:]

    def _note_period(self, kind, start, end, terms):
        """Add a period from `start` until the day before `end`."""
        return self._note([self._row(kind, start, end, terms)])

    def _row(self, kind, start, end, terms):
        return {"subscription_id": self.id, "kind": kind, "date_start": start, "date_end": end, **terms}

    def _note(self, rows):
        # sudo: only the subscription itself writes periods, users never do
        noted = self.env["saas.subscription.period"].sudo()
        noted.flush_model(["date_end"])  # flush: periods that ended here must have ended in the database, too
        return noted.create(rows)

    def _note_paid_ahead(self):
        for subscription in self:
            if subscription.state == "trial" and not subscription._paid_ahead():
                today = subscription._today()
                terms = subscription.plan_id._terms(subscription.period)
                subscription._note_period("agreed", today, today, terms)

    def _first_period(self, anchor):
        """Begin the first period counted from a new anchor day; return the values to write."""
        self.ensure_one()
        ((_subscription, values),) = self._begin_periods({self: (anchor, anchor, 1)})
        return values

    def _begin_periods(self, counted):
        """Freeze the price of the next period of each; return what to write: (subscription, values).

        counted: its anchor day, its first day, and its number.
        """
        begun = []
        for subscription, (anchor, start, count) in counted.items():
            terms = subscription._next_terms()
            end = periods.end_of(anchor, terms["period"], count)
            free = min(max(start, subscription._covered_until() or start), end)
            begun.append((subscription, anchor, count, subscription._row("period", free, end, terms)))
        self._note([row for *_others, row in begun])
        return [(subscription, subscription._values_of(*its)) for subscription, *its in begun]

    def _covered_until(self):
        """The first day that no period covers yet: later than `date_end` if that was moved back."""
        return self.sudo().period_ids._with_days()[-1:].date_end  # sudo: see `_note`

    def _values_of(self, anchor, count, row):
        """The values to write on a subscription when a period begins."""
        period = row["period"]
        switched = {"period": period, "next_period": False} if period != self.period else {}
        return {
            "date_start": anchor,
            "period_start": row["date_start"],
            "period_count": count,
            "date_end": row["date_end"],
            "payment_state": "paid" if self._is_free() else "pending",
            **switched,
        }

    def _end_periods(self):
        """Move the end of the periods with the subscription's end; blocked subscriptions have none."""
        for subscription in self:
            ends = [subscription.date_end] if subscription.date_end else []
            if subscription.state in BLOCKED:
                ends.append(subscription._today())
            if ends:
                # sudo: see `_note`
                rows = subscription.sudo().period_ids
                today, lengthen = subscription._today(), subscription.state in COVERED
                rows._end_at(min(ends), today, lengthen=lengthen)
                subscription._follow_periods()

    def _fall_back_to_previous_period(self):
        """Where the end was moved to before the last period began, the one before is the last.

        It is owed for if it was when the one that was taken back was added.
        """
        for subscription in self.filtered(lambda s: s.state in COVERED and s._has_lost_its_period()):
            # sudo: see `_note`
            since = subscription.sudo().period_ids._since()
            if since and since < subscription.period_start:
                is_owed = subscription.owed_since and subscription.owed_since <= since
                state = "pending" if is_owed else "paid"
                # sudo: only actions write its start
                subscription.sudo().write({"period_start": since, "payment_state": state})

    def _has_lost_its_period(self):
        return self.period_start and self.date_end and self.period_start >= self.date_end

    def _add_resumed_period(self, end):
        """Continue a blocked subscription today, on its old terms, until its end."""
        today, covered_until = self._today(), self._covered_until() or self._today()
        if end and end > today >= covered_until:
            # sudo: see `_note`
            self._note_period("period", today, end, self.sudo()._blocked_terms(end))
            self._follow_periods()

    def _blocked_terms(self, end):
        """The terms of the period in which it was blocked, even if that was on its first day."""
        rows = self.period_ids
        back = rows._removed_after(rows._with_days()[-1:], end).filtered(lambda row: row.kind == "period")
        return back[-1:]._terms() if back else self._last_terms()

    def _follow_periods(self):
        """Take the last period's length; a switch that was removed with its period waits for the next one."""
        length = self.sudo().period_ids._priced()[-1:].period  # sudo: see `_note`
        if length and length != self.period:
            wanted = self.next_period or self.period
            # sudo: only actions write the next period's length
            self.sudo().write({"period": length, "next_period": wanted if wanted != length else False})

    # ------------------------------------------------------------ change of plan

    def _to_plan(self, plan):
        """Called by the instance: use this plan from today on, also for periods renewed ahead."""
        self._lock_terms()
        for subscription in self.filtered(lambda s: s.plan_id != plan):
            if subscription.state != "draft":
                subscription._note_plan(plan)
            subscription.plan_id = plan

    def _lock_terms(self):
        """Wait for others who change them: PostgreSQL then reports a conflict, and Odoo retries the call."""
        self.check_access("write")
        if self.ids:
            query = "SELECT id FROM saas_subscription WHERE id IN %s ORDER BY id FOR NO KEY UPDATE"
            self.env.execute_query(SQL(query, tuple(self.ids)))

    def _note_plan(self, plan):
        today = self._today()
        paid_ahead = self._paid_ahead()
        # sudo: see `_note`
        left = self.sudo().period_ids._with_days().filtered(lambda row: row.date_end > today)
        left._continue_with_plan(plan, today)
        if not left:
            self._note_period("change", today, today, plan._terms(self.period))
        if paid_ahead:
            self._note_period("agreed", today, today, plan._terms(paid_ahead.period))
