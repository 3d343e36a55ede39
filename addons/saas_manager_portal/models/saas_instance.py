"""W1: names that are promised."""

from odoo import api, models


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    @api.model
    def _is_taken(self, subdomain):
        """A confirmed signup that could not begin yet keeps its name."""
        return super()._is_taken(subdomain) or self.env["saas.instance.request"]._waits_for(subdomain)
