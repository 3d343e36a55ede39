"""Countries, as customers choose theirs."""

from odoo import api, models
from odoo.tools import remove_accents

from .. import gateway


class ResCountry(models.Model):
    _inherit = "res.country"

    @api.model
    def _saas_choices(self):
        """The code and the name of each country, by their names in the user's language."""
        # sudo: everybody may know countries
        found = self.sudo().search([("code", "!=", False)])
        return sorted(found.mapped(lambda it: (it.code, it.name)), key=lambda it: remove_accents(it[1]))

    @api.model
    def _saas_of_time_zone(self, zone):
        """The country in which a browser with this time zone is, probably; none if the zone does not tell."""
        return self._saas_of_code(gateway.country_of_time_zone(zone))

    @api.model
    def _saas_of_code(self, code):
        # sudo: as above
        return self.sudo().search([("code", "=", (code or "").upper())], limit=1)
