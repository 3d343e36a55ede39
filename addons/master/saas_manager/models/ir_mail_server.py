"""Instances send by the provider's mail server, wherever it is changed."""

from contextlib import contextmanager

from odoo import api, models


class IrMailServer(models.Model):
    _inherit = "ir.mail_server"

    @api.model_create_multi
    def create(self, vals_list):
        with self._told_to_servers():
            return super().create(vals_list)

    def write(self, vals):
        with self._told_to_servers():
            return super().write(vals)

    def unlink(self):
        with self._told_to_servers():
            return super().unlink()

    @contextmanager
    def _told_to_servers(self):
        """Tell servers of the change, unless there is none and was none: they may have one of their own."""
        provider = self.env["saas.provider"]
        before = provider._mail_server()
        yield
        if before or provider._mail_server():
            provider._tell_mail_server()
