from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    saas_support_access = fields.Boolean(
        string="Support access",
        config_parameter="saas_tenant.support_access",
        help="Let your provider's support log in as the administrator, for 15 minutes at a time.",
    )
