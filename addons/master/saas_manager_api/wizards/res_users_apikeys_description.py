"""Odoo's dialogue for a new API key, which can now make one that opens the SaaS API and nothing else."""

from odoo import fields, models
from odoo.addons.base.models.res_users import check_identity


class ResUsersApikeysDescription(models.TransientModel):
    _inherit = "res.users.apikeys.description"

    is_for_saas = fields.Boolean(
        string="Only for the SaaS API", help="It opens the REST API at /api, and no other door."
    )

    @check_identity  # Odoo's dialogue calls this method again, and only if it is marked itself.
    def make_key(self):
        scoped = self.with_context(key_for_saas=self.is_for_saas)
        return super(ResUsersApikeysDescription, scoped).make_key()
