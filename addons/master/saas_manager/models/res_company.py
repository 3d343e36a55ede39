"""The company is the provider that customers' Odoos name when they need help."""

from odoo import models

_TOLD = {"name", "email"}


class ResCompany(models.Model):
    _inherit = "res.company"

    def write(self, vals):
        result = super().write(vals)
        if _TOLD & vals.keys():
            # sudo: users who may change the company need not manage its instances
            instances = self.env["saas.instance"].sudo()
            instances.search([("company_id", "in", self.ids)])._entitle_later()
        return result
