"""The instances created lately, and how long their creation took."""

from datetime import datetime, time, timedelta

import pytz
from odoo import fields, models
from odoo.tools import SQL, format_date

_WEEKS = 12


class SaasDashboard(models.AbstractModel):
    _inherit = "saas.dashboard"  # pylint: disable=consider-merging-classes-inherited

    def _created(self, days):
        """Instances that became active in the period, and the change since the period before."""
        now = fields.Datetime.now()
        start, before = now - timedelta(days=days), now - timedelta(days=2 * days)
        domain = [("activated_at", ">=", start)]
        count = self.env["saas.instance"].search_count(domain)
        previous = self.env["saas.instance"].search_count(
            [("activated_at", ">=", before), ("activated_at", "<", start)]
        )
        return {
            "count": count,
            "growth_percent": 100.0 * (count - previous) / previous if previous else None,
            "list": self._list(self.env._("Created in %s days", days), "saas.instance", domain),
        }

    def _weeks(self):
        """How many instances were created in each of the last weeks, and how long it took."""
        today = fields.Date.context_today(self)
        first = today - timedelta(days=today.weekday(), weeks=_WEEKS - 1)
        found = {monday: figures for monday, *figures in self._read_weeks(self._midnight(first))}
        mondays = [first + timedelta(weeks=number) for number in range(_WEEKS)]
        return [self._week(monday, *found.get(monday, (0, None))) for monday in mondays]

    def _read_weeks(self, since):
        """(monday, count, [median, 95th percentile]) of each week with instances, in the user's time zone."""
        instances = self.env["saas.instance"]
        query = instances._search([("activated_at", ">=", since)])
        query.groupby = SQL("1")
        activated_at = instances._field_to_sql(query.table, "activated_at", query)
        week = SQL(
            "date_trunc('week', timezone(%s, timezone('UTC', %s)))::date", self.env.tz.zone, activated_at
        )
        return self.env.execute_query(query.select(week, SQL("count(*)"), self._percentiles(query)))

    def _week(self, monday, count, seconds):
        label = format_date(self.env, monday, date_format="d MMM")
        p50, p95 = seconds or (None, None)
        domain = [
            ("activated_at", ">=", self._midnight(monday)),
            ("activated_at", "<", self._midnight(monday + timedelta(weeks=1))),
        ]
        name = self.env._("Created in the week of %s", label)
        return {
            "label": label,
            "count": count,
            "p50": p50,
            "p95": p95,
            "list": self._list(name, "saas.instance", domain),
        }

    def _midnight(self, date):
        """The beginning of a day in the user's time zone, as UTC."""
        local = self.env.tz.localize(datetime.combine(date, time.min))
        return local.astimezone(pytz.utc).replace(tzinfo=None)

    def _percentiles(self, query):
        seconds = self.env["saas.instance"]._field_to_sql(query.table, "provisioning_s", query)
        return SQL(
            "percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY %s) FILTER (WHERE %s > 0)",
            seconds,
            seconds,
        )

    def _creation_time(self, days):
        since = fields.Datetime.now() - timedelta(days=days)
        domain = [("activated_at", ">=", since), ("provisioning_s", ">", 0)]
        query = self.env["saas.instance"]._search(domain)
        [(seconds,)] = self.env.execute_query(query.select(self._percentiles(query)))
        p50, p95 = seconds or (None, None)
        name = self.env._("Created in %s days", days)
        return {"p50": p50, "p95": p95, "list": self._list(name, "saas.instance", domain)}
