"""W1: names that are reserved for confirmed signups."""

from odoo import api, models


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    @api.model
    def _takers(self, subdomain):
        """Include confirmed signups that could not begin yet: they keep their names."""
        return [*super()._takers(subdomain), self.env["saas.instance.request"]._waiting_for(subdomain)]
