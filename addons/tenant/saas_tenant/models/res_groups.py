from odoo import api, models


class ResGroups(models.Model):
    """Members of groups and implied groups decide which users are internal, so changes are checked."""

    _inherit = "res.groups"

    @api.model_create_multi
    def create(self, vals_list):
        with self.env["saas.entitlements"]._within_user_limit():
            return super().create(vals_list)

    def write(self, vals):
        if not vals.keys() & {"user_ids", "all_user_ids", "implied_ids", "implied_by_ids"}:
            return super().write(vals)
        with self.env["saas.entitlements"]._within_user_limit():
            return super().write(vals)
