"""Instances send by the provider's mail server, wherever it is changed."""

from odoo import api, models


class IrMailServer(models.Model):
    _inherit = "ir.mail_server"

    @api.model_create_multi
    def create(self, vals_list):
        created = super().create(vals_list)
        self.env["saas.provider"]._tell_mail_server()
        return created

    def write(self, vals):
        result = super().write(vals)
        self.env["saas.provider"]._tell_mail_server()
        return result

    def unlink(self):
        result = super().unlink()
        self.env["saas.provider"]._tell_mail_server()
        return result
