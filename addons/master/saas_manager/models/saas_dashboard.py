"""W3: the figures of the operator's dashboard, each with the list of records it counts."""

from datetime import timedelta

from odoo import api, fields, models

_PERIODS_DAYS = (7, 30, 90)
_EXPIRES_WITHIN_DAYS = 14
_SHOWN = 8
"""How many servers, expiries or reasons are shown; the list has all of them."""
_FAILURE = [("level", "in", ("error", "critical")), ("step", "=", False)]
"""The line that ends a failed operation; the lines of its steps have a `step`."""


class SaasDashboard(models.AbstractModel):
    _name = "saas.dashboard"
    _description = "SaaS Dashboard"

    @api.model
    @api.readonly
    def figures(self, period=30):
        """Everything the dashboard shows, limited to what the user may see; `period` is in days."""
        self.env["saas.instance"].check_access("read")
        days = period if period in _PERIODS_DAYS else _PERIODS_DAYS[1]
        return {
            "period": days,
            "first_steps": self._first_steps(),
            "states": self._states(),
            "created": self._created(days),
            "weeks": self._weeks(),
            "revenue": self._revenue(),
            "creation_time": self._creation_time(days),
            "failures": self._failures(days),
            "servers": self._servers(),
            "expiries": self._expiries(),
            "alerts": self._alerts(),
        }

    def _list(self, name, model, domain):
        """The list that a click on a figure opens: the records it counts."""
        return {"name": name, "model": model, "domain": list(domain)}

    def _states(self):
        groups = self.env["saas.instance"]._read_group(
            [("status", "!=", "terminated")], ["status"], ["__count"]
        )
        counts = dict(groups)
        labels = self.env["saas.instance"]._fields["status"]._description_selection(self.env)
        return [
            {
                "state": state,
                "label": label,
                "count": counts.get(state, 0),
                "list": self._list(label, "saas.instance", [("status", "=", state)]),
            }
            for state, label in labels
            if state != "terminated"
        ]

    # ------------------------------------------------------------ failures

    def _failures(self, days):
        """The most frequent reasons of failures in the period."""
        domain = [*_FAILURE, ("create_date", ">=", fields.Datetime.now() - timedelta(days=days))]
        logs = self.env["saas.instance.log"]
        groups = logs._read_group(
            domain, ["message"], ["__count"], order="__count desc, message", limit=_SHOWN
        )
        reasons = [
            {
                "label": message,
                "count": count,
                "list": self._list(self.env._("Failures"), logs._name, [*domain, ("message", "=", message)]),
            }
            for message, count in groups
        ]
        link = self._list(self.env._("Failures in %s days", days), logs._name, domain)
        return {"count": logs.search_count(domain), "reasons": reasons, "list": link}

    # ------------------------------------------------------------ servers, expiries

    def _servers(self):
        """The fullest servers, with their health."""
        domain = [("state", "in", ("active", "maintenance", "offline"))]
        servers = self.env["saas.server"].search(domain)
        # Instances of all companies count, whether the user sees them or not.
        instances = self.env["saas.instance"].sudo()
        counts = dict(
            instances._read_group(
                [("server_id", "in", servers.ids), ("occupies_server", "=", True)],
                ["server_id"],
                ["__count"],
            )
        )
        rows = [self._server(server, counts.get(server.sudo(), 0)) for server in servers]
        rows.sort(key=lambda row: -row["percent"])
        return {"rows": rows[:_SHOWN], "list": self._list(self.env._("Servers"), "saas.server", domain)}

    def _server(self, server, count):
        limit = server.max_instances
        domain = [("server_id", "=", server.id), ("occupies_server", "=", True)]
        return {
            "label": server.name,
            "count": count,
            "limit": limit,
            "percent": 100.0 * count / limit if limit else 0.0,
            "health": server.health,
            "health_label": dict(server._fields["health"]._description_selection(self.env))[server.health],
            "list": self._list(server.name, "saas.instance", domain),
        }

    def _expiries(self):
        """Active instances that expire soon, or should have expired already; the earliest first."""
        today = fields.Date.context_today(self)
        domain = [
            ("state", "=", "active"),
            ("expires_on", "<=", today + timedelta(days=_EXPIRES_WITHIN_DAYS)),
        ]
        instances = self.env["saas.instance"]
        rows = instances.search_fetch(domain, ["name", "expires_on"], limit=_SHOWN, order="expires_on, id")
        return {
            "count": instances.search_count(domain),
            "rows": [
                {"id": row.id, "label": row.name, "days": (row.expires_on - today).days} for row in rows
            ],
            "list": self._list(self.env._("Next Expiries"), "saas.instance", domain),
        }
