"""The settings of the captcha."""

from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    saas_captcha_enabled = fields.Boolean(string="Captcha", config_parameter="saas_captcha.enabled")
    saas_captcha_difficulty = fields.Selection(
        [("easy", "Easy"), ("normal", "Normal"), ("hard", "Hard")],
        string="Captcha Difficulty",
        default="normal",
        config_parameter="saas_captcha.difficulty",
    )
