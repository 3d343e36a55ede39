"""Monthly revenue of subscriptions, from the prices of their periods, not from the plans' current prices."""

from datetime import timedelta

from dateutil.relativedelta import relativedelta
from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import format_date

_IN_FORCE = ("active", "past_due")
_PRICED = Domain("kind", "in", ("period", "change"))
_MONTHS = 12


class SaasDashboard(models.AbstractModel):
    _inherit = "saas.dashboard"  # pylint: disable=consider-merging-classes-inherited

    def _revenue(self):
        """The recurring revenue in the company's currency: by plan, and over the last year."""
        today = fields.Date.context_today(self)
        domain = self._covering(today) & Domain("subscription_id.state", "in", _IN_FORCE)
        plans = self._revenue_by_plan(domain, today)
        amount = sum(plan["amount"] for plan in plans)
        link = self._list(self.env._("Monthly Revenue"), "saas.subscription.period", domain)
        since = self._known_since()
        months = [
            *(self._month(today, back, since) for back in range(_MONTHS - 1, 0, -1)),
            {"label": self._month_label(today), "amount": amount, "list": link},
        ]
        before = months[-2]["amount"]
        return {
            "amount": amount,
            "growth_percent": 100.0 * (amount - before) / before if before else None,
            "plans": sorted(plans, key=lambda plan: -plan["amount"]),
            "months": months,
            "list": link,
        }

    def _covering(self, day):
        """The periods with a price that cover a day."""
        return _PRICED & Domain("date_start", "<=", day) & Domain("date_end", ">", day)

    def _revenue_by_plan(self, domain, day):
        groups = self.env["saas.subscription.period"]._read_group(
            domain, ["plan_id", "currency_id"], ["mrr:sum"]
        )
        amounts = {}
        for plan, currency, mrr in groups:
            amounts[plan] = amounts.get(plan, 0.0) + self._converted(currency, mrr, day)
        return [self._revenue_of(plan, amount, domain) for plan, amount in amounts.items()]

    def _revenue_of(self, plan, amount, domain):
        name = plan.sudo().name  # a subscription's plan may belong to another company
        of_plan = domain & Domain("plan_id", "=", plan.id)
        return {
            "label": name,
            "amount": amount,
            "list": self._list(name, "saas.subscription.period", of_plan),
        }

    def _known_since(self):
        """The month of the first recorded period. Earlier revenue is not known."""
        periods = self.env["saas.subscription.period"]
        [(first,)] = periods._read_group([], [], ["create_date:min"])
        return first and fields.Datetime.context_timestamp(self, first).date().replace(day=1)

    def _month(self, today, back, since):
        """The recurring revenue on the last day of an earlier month, at that day's rates; None if unknown."""
        day = today.replace(day=1) - relativedelta(months=back - 1) - timedelta(days=1)
        domain, label = self._covering(day), self._month_label(day)
        name = self.env._("Monthly revenue at the end of %s", label)
        return {
            "label": label,
            "amount": self._amount_of(domain, day) if since and day >= since else None,
            "list": self._list(name, "saas.subscription.period", domain),
        }

    def _amount_of(self, domain, day):
        groups = self.env["saas.subscription.period"]._read_group(domain, ["currency_id"], ["mrr:sum"])
        return sum(self._converted(*group, day) for group in groups)

    def _month_label(self, day):
        return format_date(self.env, day, date_format="MMM y")

    def _converted(self, currency, amount, day):
        company = self.env.company
        return currency._convert(amount, company.currency_id, company, day)
