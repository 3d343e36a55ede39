"""The company is the provider, for customers and for visitors, where the settings name no other."""

from odoo import models

_TOLD = {"name", "email", "website"}


class ResCompany(models.Model):
    _inherit = "res.company"

    def write(self, vals):
        result = super().write(vals)
        if _TOLD & vals.keys():
            # sudo: users who may change the company need not manage its instances
            instances = self.env["saas.instance"].sudo()
            instances.search([("company_id", "in", self.ids)])._entitle_later()
            provider = self.env["saas.provider"]
            provider._tell_pages()
            if provider._mail_server():
                provider._tell_mail_server()
        return result
