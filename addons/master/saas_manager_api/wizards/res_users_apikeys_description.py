"""Odoo's wizard for a new API key: it can limit the key to the SaaS API."""

from odoo import fields, models
from odoo.addons.base.models.res_users import check_identity


class ResUsersApikeysDescription(models.TransientModel):
    _inherit = "res.users.apikeys.description"

    is_for_saas = fields.Boolean(
        string="Only for the SaaS API", help="It is valid for the REST API at /api only."
    )

    @check_identity  # Odoo's wizard calls this method again; that needs its own decorator.
    def make_key(self):
        scoped = self.with_context(key_for_saas=self.is_for_saas)
        return super(ResUsersApikeysDescription, scoped).make_key()
