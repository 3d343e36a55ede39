"""X2: who may change what all companies share."""

from odoo import models


class ResUsers(models.Model):
    _inherit = "res.users"

    def _is_in_all_companies(self):
        # sudo: the companies they are not in.
        return not self.env["res.company"].sudo().search([("id", "not in", self.company_ids.ids)], limit=1)
