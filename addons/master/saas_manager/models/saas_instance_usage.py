"""Finds instances by how much of their plan they use."""

from odoo import api, fields, models
from odoo.fields import Domain

_COMPARISONS = (">", ">=", "<", "<=")


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    user_percent = fields.Float(search="_search_user_percent")
    storage_percent = fields.Float(search="_search_storage_percent")

    @api.model
    def _search_user_percent(self, operator, value):
        return self._search_percent("user_count", "max_users", 1, operator, value)

    @api.model
    def _search_storage_percent(self, operator, value):
        return self._search_percent("storage_mb", "max_storage_gb", 1024, operator, value)

    def _search_percent(self, used, limit, factor, operator, value):
        """One condition for each plan that sets the limit: there are few plans and many instances."""
        if operator not in _COMPARISONS:
            return NotImplemented
        plans = self.env["saas.plan"].with_context(active_test=False).search([(limit, ">", 0)])
        return Domain.OR(
            Domain("plan_id", "=", plan.id) & Domain(used, operator, plan[limit] * factor * value / 100)
            for plan in plans
        )
