"""The settings of the signup page and of its captcha."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .saas_signup import CAP_PER_HOUR, PER_ADDRESS

_LIMITS = ("saas_signup_cap_per_hour", "saas_signup_per_address")


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    saas_signup_closed = fields.Boolean(string="Signup Closed", config_parameter="saas_signup.closed")
    saas_signup_address = fields.Char(string="Address of the Page", compute="_compute_saas_signup_address")
    saas_signup_terms_url = fields.Char(string="Terms", config_parameter="saas_signup.terms_url")
    saas_signup_allow_disposable = fields.Boolean(
        string="Throw-Away Mailboxes", config_parameter="saas_signup.allow_disposable"
    )
    saas_signup_cap_per_hour = fields.Integer(
        string="Signups per Hour", config_parameter="saas_signup.cap_per_hour", default=CAP_PER_HOUR
    )
    saas_signup_per_address = fields.Integer(
        string="Signups per Hour and Address",
        config_parameter="saas_signup.per_address_per_hour",
        default=PER_ADDRESS,
    )
    saas_captcha_enabled = fields.Boolean(string="Captcha", config_parameter="saas_captcha.enabled")
    saas_captcha_difficulty = fields.Selection(
        [("easy", "Easy"), ("normal", "Normal"), ("hard", "Hard")],
        string="Captcha Difficulty",
        default="normal",
        config_parameter="saas_captcha.difficulty",
    )

    def _compute_saas_signup_address(self):
        for settings in self:
            settings.saas_signup_address = f"{settings.get_base_url()}/signup"

    @api.constrains("saas_signup_terms_url")
    def _check_saas_signup_terms_url(self):
        for settings in self:
            url = settings.saas_signup_terms_url
            if url and not url.startswith(("https://", "http://")):
                raise ValidationError(
                    self.env._("The address of the terms begins with https://, not as in %s.", url)
                )

    @api.constrains(*_LIMITS)
    def _check_saas_signup_limits(self):
        if any(settings[name] < 0 for settings in self for name in _LIMITS):
            raise ValidationError(self.env._("The number of signups per hour cannot be negative."))

    def set_values(self):
        """Store zeros, too: Odoo deletes a parameter that is set to 0, and the default would apply."""
        result = super().set_values()
        parameters = self.env["ir.config_parameter"].sudo()  # as in Odoo's own set_values
        for name in _LIMITS:
            if not self[name]:
                parameters.set_param(self._fields[name].config_parameter, "0")
        return result
