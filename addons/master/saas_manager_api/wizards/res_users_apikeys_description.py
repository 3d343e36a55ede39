"""Odoo's wizard for a new API key: it can limit the key to the SaaS API, and says what such a key may do."""

from odoo import api, fields, models
from odoo.addons.base.models.res_users import check_identity

_LASTING_DAYS = 90
"""A program that stops after Odoo's default of a day is a surprise."""


class ResUsersApikeysDescription(models.TransientModel):
    _inherit = "res.users.apikeys.description"

    is_for_saas = fields.Boolean(
        string="Only for the SaaS API", help="It is valid for the REST API at /api only."
    )

    @api.onchange("is_for_saas")
    def _onchange_is_for_saas(self):
        """Propose a key that lasts, unless another duration than the default was chosen."""
        if self.is_for_saas and self.duration == self._selection_duration()[0][0]:
            offered = [name for name, _label in self._selection_duration() if 0 < int(name) <= _LASTING_DAYS]
            self.duration = max(offered, key=int, default=self.duration)

    @check_identity  # Odoo's wizard calls this method again; that needs its own decorator.
    def make_key(self):
        until = fields.Datetime.to_string(self.expiration_date)
        shown = {"default_is_for_saas": self.is_for_saas, "default_expires_at": until}
        scoped = self.with_context(key_for_saas=self.is_for_saas)
        action = super(ResUsersApikeysDescription, scoped).make_key()
        if action.get("res_model") == "res.users.apikeys.show":  # not if the password is asked for first
            action["context"] = {**action["context"], **shown}
        return action


class ResUsersApikeysShow(models.AbstractModel):
    _inherit = "res.users.apikeys.show"

    is_for_saas = fields.Boolean(string="Only for the SaaS API")
    expires_at = fields.Datetime(string="Valid Until")
