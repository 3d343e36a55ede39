"""The settings of the REST API."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .saas_api_key_publishable import tidy_origins

_ZERO_HAS_A_MEANING = ("saas_api_requests_per_hour", "saas_api_keyless_per_hour")


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    saas_api_requests_per_hour = fields.Integer(
        string="Requests per Hour and Key", config_parameter="saas_api.requests_per_hour", default=100
    )
    saas_api_keyless_per_hour = fields.Integer(
        string="Requests per Hour and Address", config_parameter="saas_api.keyless_per_hour", default=600
    )
    saas_api_max_body_kb = fields.Integer(
        string="Largest Request (kB)", config_parameter="saas_api.max_body_kb", default=64
    )
    saas_api_cors_origins = fields.Char(string="Allowed Web Sites", config_parameter="saas_api.cors_origins")
    saas_api_docs_public = fields.Boolean(
        string="Public API Documentation", config_parameter="saas_api.docs_public"
    )

    @api.constrains(*_ZERO_HAS_A_MEANING, "saas_api_max_body_kb")
    def _check_saas_api_numbers(self):
        for settings in self:
            if any(settings[name] < 0 for name in _ZERO_HAS_A_MEANING):
                raise ValidationError(self.env._("A limit of requests cannot be negative."))
            if settings.saas_api_max_body_kb < 1:
                raise ValidationError(self.env._("A request must be allowed at least one kB."))

    @api.constrains("saas_api_cors_origins")
    def _check_saas_api_cors_origins(self):
        for settings in self:
            self.env["saas.api.key.publishable"]._check_are_origins(settings.saas_api_cors_origins)

    def set_values(self):
        """Store zeros, too: Odoo deletes a parameter that is set to 0, and the default would apply."""
        self.saas_api_cors_origins = " ".join(tidy_origins(self.saas_api_cors_origins))
        result = super().set_values()
        parameters = self.env["ir.config_parameter"].sudo()  # as in Odoo's own set_values
        for name in _ZERO_HAS_A_MEANING:
            if not self[name]:
                parameters.set_param(self._fields[name].config_parameter, "0")
        return result
