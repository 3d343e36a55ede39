"""Monthly revenue of subscriptions, from the prices of their periods, not from the plans' current prices.

Sums are in the currency that the periods are in. Several currencies are converted only by rates that somebody
has recorded: Odoo takes 1 for a missing one, and 79 EUR would be 79 USD. Trials are no revenue and apart.
"""

from dataclasses import dataclass
from datetime import timedelta

from dateutil.relativedelta import relativedelta
from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import format_date

_IN_FORCE = ("active", "past_due")
_PRICED = Domain("kind", "in", ("period", "change"))
_MONTHS = 12


@dataclass(frozen=True)
class Exchange:
    """The currency of all sums, and the others: those with recorded rates, and those without."""

    currency: models.BaseModel
    converted: models.BaseModel
    without_rate: models.BaseModel

    def sum(self, amounts, company, day):
        """amounts: (currency, amount); those without a rate do not count."""
        return sum(
            currency._convert(amount, self.currency, company, day)
            for currency, amount in amounts
            if currency not in self.without_rate
        )


class SaasDashboard(models.AbstractModel):
    _inherit = "saas.dashboard"  # pylint: disable=consider-merging-classes-inherited

    def _revenue(self):
        """The recurring revenue: by plan, and over the last year; and what the trials would add."""
        today = fields.Date.context_today(self)
        exchange = self._exchange(today)
        domain = self._covering(today) & Domain("subscription_id.state", "in", _IN_FORCE)
        plans = self._revenue_by_plan(domain, today, exchange)
        amount = sum(plan["amount"] for plan in plans)
        link = self._list(self.env._("Monthly Revenue"), "saas.subscription.period", domain)
        since = self._known_since()
        months = [
            *(self._month(today, back, since, exchange) for back in range(_MONTHS - 1, 0, -1)),
            {"label": self._month_label(today), "amount": amount, "list": link},
        ]
        before = months[-2]["amount"]
        return {
            "amount": amount,
            "currency_id": exchange.currency.id,
            "converted": exchange.converted.mapped("name"),
            "without_rate": exchange.without_rate.mapped("name"),
            "growth_percent": 100.0 * (amount - before) / before if before else None,
            "plans": sorted(plans, key=lambda plan: -plan["amount"]),
            "months": months,
            "trials": self._trials(today, exchange),
            "list": link,
        }

    def _exchange(self, today):
        """One currency of the last year's periods, or of the plans, is that of all sums."""
        since = today.replace(day=1) - relativedelta(months=_MONTHS - 1)
        used = self._currencies("saas.subscription.period", _PRICED & Domain("date_end", ">", since))
        used = used or self._currencies("saas.plan", Domain.TRUE)
        own = self.env.company.currency_id
        currency = own if own in used or not used else used[0]
        others = used - currency
        rated = others.filtered(lambda it: self._has_rate(it) and self._has_rate(currency))
        return Exchange(currency, rated, others - rated)

    def _currencies(self, model, domain):
        """The currencies of the records, the most frequent first."""
        groups = self.env[model]._read_group(domain, ["currency_id"], order="__count desc")
        return self.env["res.currency"].concat(*(currency for (currency,) in groups))

    def _has_rate(self, currency):
        company = self.env.company.root_id
        # sudo: users of the back office need not see rates
        rates = currency.sudo().rate_ids.filtered(lambda rate: rate.company_id in (company, company.browse()))
        return currency == company.currency_id or bool(rates)

    def _trials(self, today, exchange):
        """How many trials there are, and their prices per month: the revenue if all of them stay."""
        domain = [("state", "=", "trial")]
        groups = self.env["saas.subscription"]._read_group(domain, ["currency_id"], ["mrr:sum", "__count"])
        return {
            "count": sum(count for _currency, _mrr, count in groups),
            "amount": exchange.sum(
                ((currency, mrr) for currency, mrr, _count in groups), self.env.company, today
            ),
            "list": self._list(self.env._("Trials"), "saas.subscription", domain),
        }

    def _covering(self, day):
        """The periods with a price that cover a day."""
        return _PRICED & Domain("date_start", "<=", day) & Domain("date_end", ">", day)

    def _revenue_by_plan(self, domain, day, exchange):
        groups = self.env["saas.subscription.period"]._read_group(
            domain, ["plan_id", "currency_id"], ["mrr:sum"]
        )
        amounts = {}
        for plan, currency, mrr in groups:
            amount = exchange.sum([(currency, mrr)], self.env.company, day)
            amounts[plan] = amounts.get(plan, 0.0) + amount
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

    def _month(self, today, back, since, exchange):
        """The recurring revenue on the last day of an earlier month, at that day's rates; None if unknown."""
        day = today.replace(day=1) - relativedelta(months=back - 1) - timedelta(days=1)
        domain, label = self._covering(day), self._month_label(day)
        name = self.env._("Monthly revenue at the end of %s", label)
        return {
            "label": label,
            "amount": self._amount_of(domain, day, exchange) if since and day >= since else None,
            "list": self._list(name, "saas.subscription.period", domain),
        }

    def _amount_of(self, domain, day, exchange):
        groups = self.env["saas.subscription.period"]._read_group(domain, ["currency_id"], ["mrr:sum"])
        return exchange.sum(groups, self.env.company, day)

    def _month_label(self, day):
        return format_date(self.env, day, date_format="MMM y")
