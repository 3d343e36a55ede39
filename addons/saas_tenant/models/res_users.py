from odoo import api, models


class ResUsers(models.Model):
    _inherit = "res.users"

    @api.model_create_multi
    def create(self, vals_list):
        with self.env["saas.entitlements"]._within_user_limit():
            return super().create(vals_list)

    def write(self, vals):
        if not vals.keys() & {"active", "group_ids", "share", "role"}:
            return super().write(vals)
        with self.env["saas.entitlements"]._within_user_limit():
            return super().write(vals)
