"""W1: names that are promised."""

from odoo import api, models


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    @api.model
    def _takers(self, subdomain):
        """A confirmed signup that could not begin yet keeps its name."""
        return [*super()._takers(subdomain), self.env["saas.instance.request"]._waiting_for(subdomain)]
