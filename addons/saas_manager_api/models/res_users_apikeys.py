"""Odoo's API keys: the dialogue may ask for one that opens the SaaS API only."""

from odoo import models

from ..callers import SCOPE


class ResUsersApikeys(models.Model):
    _inherit = "res.users.apikeys"

    def _generate(self, scope, name, expiration_date):
        if scope is None and self.env.context.get("key_for_saas"):
            scope = SCOPE
        return super()._generate(scope, name, expiration_date)
