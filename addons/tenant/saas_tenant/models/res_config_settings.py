from odoo import fields, models
from odoo.addons.saas_agreed import SUPPORT_PARAMETER


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    saas_support_access = fields.Boolean(
        string="Support access",
        config_parameter=SUPPORT_PARAMETER,
        help="Let your provider's support log in as the administrator, for 15 minutes at a time.",
    )
