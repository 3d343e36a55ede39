"""H2: alerts for operators, counted for the dashboard."""

from odoo import models
from odoo.fields import Domain

_NEARLY_FULL = 0.8
_MB_PER_GB = 1024


class SaasDashboard(models.AbstractModel):
    _inherit = "saas.dashboard"

    def _alerts(self):
        """The alerts that count anything, the most severe first."""
        alerts = [
            self._alert(level, label, model, domain)
            for level, label, model, domain in self._alert_table()
            if self.env[model].has_access("read")
        ]
        found = [*self._mail_alerts(), *(alert for alert in alerts if alert["count"])]
        return sorted(found, key=lambda alert: alert["level"] != "danger")

    def _alert(self, level, label, model, domain):
        count = self.env[model].search_count(domain)
        return {"level": level, "label": label, "count": count, "list": self._list(label, model, domain)}

    def _alert_table(self):
        """All alerts as (level, label, model, domain)."""
        return (
            *self._server_alerts(),
            *self._instance_alerts(),
            *self._template_alerts(),
            (
                "danger",
                self.env._("Jobs that failed"),
                "queue.job",
                [("state", "=", "failed"), ("model_name", "=like", "saas.%")],
            ),
        )

    def _mail_alerts(self):
        """What keeps mails from being sent, and those that wait, for users who can do something about it."""
        provider, jobs = self.env["saas.provider"], self.env["queue.job"]
        waiting = self.env["saas.mail.mixin"]._waiting_mails_domain()
        # sudo: those who set the mail server need not see jobs
        count = jobs.sudo().search_count(waiting)
        obstacle = provider._mail_obstacle()
        may_set = self.env.user.has_group("base.group_system")
        settings = {"level": "danger", "action": "saas_manager.res_config_settings_action"}
        if obstacle and may_set:
            label = self.env._("%s Mails that wait:", obstacle) if count else obstacle
            return [{**settings, "label": label, "count": count or None}]
        label = self.env._("Mails that could not be sent yet")
        if count and jobs.has_access("read"):
            return [self._alert("danger", label, jobs._name, waiting)]
        return [{**settings, "label": label, "count": count}] if count and may_set else []

    def _server_alerts(self):
        in_use = [("state", "in", ("active", "offline"))]
        critical, warning = self._by_health(in_use)
        return (
            ("danger", self.env._("Servers in trouble"), "saas.server", critical),
            ("warning", self.env._("Servers with a warning"), "saas.server", warning),
        )

    def _instance_alerts(self):
        active, failed = Domain("state", "=", "active"), Domain("state", "=", "failed")
        critical, warning = self._by_health(active)
        over = self._above(1.0, strictly=True)
        nearly = self._above(_NEARLY_FULL) & ~over
        return (
            ("danger", self.env._("Instances in trouble"), "saas.instance", critical),
            ("warning", self.env._("Instances with a warning"), "saas.instance", warning),
            ("danger", self.env._("Instances that could not be created"), "saas.instance", failed),
            (
                "danger",
                self.env._("Instances without a proved backup of last night"),
                "saas.instance",
                self.env["saas.instance"]._unproved_domain(),
            ),
            ("danger", self.env._("Instances over their plan's limits"), "saas.instance", active & over),
            ("warning", self.env._("Instances above 80 % of their plan"), "saas.instance", active & nearly),
        )

    def _by_health(self, watched):
        """Two alerts for the records of a domain: critical ones, and ones with a warning."""
        watched = Domain(watched)
        return watched & Domain("health", "=", "critical"), watched & Domain("health", "=", "warning")

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
        # Read the limits of all plans, so that the list's domain has stored fields only.
        plans = self.env["saas.plan"].sudo().with_context(active_test=False).search([])  # pylint: disable=no-search-all
        return Domain.OR(self._above_on(plan, share, operator) for plan in plans)

    def _above_on(self, plan, share, operator):
        used = []
        if plan.max_users:
            used.append(Domain("user_count", operator, share * plan.max_users))
        if plan.max_storage_gb:
            used.append(Domain("storage_mb", operator, share * plan.max_storage_gb * _MB_PER_GB))
        return Domain("plan_id", "=", plan.id) & Domain.OR(used)
