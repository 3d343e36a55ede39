"""H2: what needs an operator's attention, counted for the dashboard."""

from odoo import models
from odoo.fields import Domain

_NEARLY_FULL = 0.8
_MB_PER_GB = 1024


class SaasDashboard(models.AbstractModel):
    _inherit = "saas.dashboard"

    def _alerts(self):
        """The alerts that have something to show, the worst first."""
        alerts = [
            self._alert(level, label, model, domain)
            for level, label, model, domain in self._alert_table()
            if self.env[model].has_access("read")
        ]
        found = [alert for alert in alerts if alert["count"]]
        return sorted(found, key=lambda alert: alert["level"] != "danger")

    def _alert(self, level, label, model, domain):
        count = self.env[model].search_count(domain)
        return {"level": level, "label": label, "count": count, "list": self._list(label, model, domain)}

    def _alert_table(self):
        """(level, label, model, domain) of everything that is watched."""
        return (
            *self._server_and_instance_alerts(),
            *self._template_alerts(),
            (
                "danger",
                self.env._("Jobs that failed"),
                "queue.job",
                [("state", "=", "failed"), ("model_name", "=like", "saas.%")],
            ),
        )

    def _server_and_instance_alerts(self):
        in_use = [("state", "in", ("active", "offline"))]
        active = [("state", "=", "active")]
        over, nearly = self._above(1.0, strictly=True), self._above(_NEARLY_FULL)
        nearly = Domain.AND([nearly, ~over])
        return (
            (
                "danger",
                self.env._("Servers in trouble"),
                "saas.server",
                [*in_use, ("health", "=", "critical")],
            ),
            (
                "warning",
                self.env._("Servers with a warning"),
                "saas.server",
                [*in_use, ("health", "=", "warning")],
            ),
            (
                "danger",
                self.env._("Instances in trouble"),
                "saas.instance",
                [*active, ("health", "=", "critical")],
            ),
            (
                "warning",
                self.env._("Instances with a warning"),
                "saas.instance",
                [*active, ("health", "=", "warning")],
            ),
            (
                "danger",
                self.env._("Instances that could not be created"),
                "saas.instance",
                [("state", "=", "failed")],
            ),
            (
                "danger",
                self.env._("Instances over their plan's limits"),
                "saas.instance",
                Domain(active) & over,
            ),
            (
                "warning",
                self.env._("Instances above 80 % of their plan"),
                "saas.instance",
                Domain(active) & nearly,
            ),
        )

    def _template_alerts(self):
        serving = self.env["saas.template"].search([("is_template_ready", "=", True)])
        short = serving.filtered(lambda template: template.spare_count < template.pool_size)
        return (
            (
                "danger",
                self.env._("Templates that could not be built"),
                "saas.template",
                [("state", "=", "failed")],
            ),
            ("warning", self.env._("Templates to build again"), "saas.template", [("state", "=", "stale")]),
            ("warning", self.env._("Templates short of spares"), "saas.template", [("id", "in", short.ids)]),
        )

    def _above(self, share, strictly=False):
        """Instances that use more than `share` of their plan's users or storage; 0 is no limit."""
        operator = ">" if strictly else ">="
        # Limits are read even of plans the user does not see: the figures stay stored fields only.
        plans = self.env["saas.plan"].sudo().with_context(active_test=False).search([])  # pylint: disable=no-search-all
        return Domain.OR(self._above_on(plan, share, operator) for plan in plans)

    def _above_on(self, plan, share, operator):
        used = []
        if plan.max_users:
            used.append(Domain("user_count", operator, share * plan.max_users))
        if plan.max_storage_gb:
            used.append(Domain("storage_mb", operator, share * plan.max_storage_gb * _MB_PER_GB))
        return Domain("plan_id", "=", plan.id) & Domain.OR(used)
