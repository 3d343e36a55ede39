"""The settings page."""

from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    saas_base_domain = fields.Char(string="Base Domain", config_parameter="saas.base_domain")
    saas_protocol = fields.Selection(
        [("http", "HTTP"), ("https", "HTTPS")], string="Protocol", config_parameter="saas.protocol"
    )
    saas_reserved_names = fields.Char(
        string="Reserved Names",
        config_parameter="saas.reserved_names",
        help="Subdomains nobody may take, besides www, mail, admin, api and the like.",
    )
    saas_pool_size = fields.Integer(
        string="Spares per Template", config_parameter="saas.pool_size", default=2
    )
    saas_credential_delivery = fields.Selection(
        [("link", "One-time link"), ("password", "Password")],
        string="Credentials",
        config_parameter="saas.credential_delivery",
        default="link",
    )
    saas_log_retention_days = fields.Integer(
        string="Keep Logs (Days)", config_parameter="saas.log_retention_days", default=30
    )
    saas_grace_days = fields.Integer(string="Grace (Days)", config_parameter="saas.grace_days", default=7)
    saas_termination_days = fields.Integer(
        string="Terminate After (Days)",
        config_parameter="saas.termination_days",
        default=0,
        help="How long a suspended instance is kept. 0: for ever.",
    )
    saas_max_instances_per_plan = fields.Integer(
        string="Instances per Plan", config_parameter="saas.max_instances_per_plan", default=100
    )
    saas_collect_payments = fields.Boolean(
        string="Renewals Need a Payment",
        config_parameter="saas.collect_payments",
        help="Off: a renewed period counts as paid. On: it falls due until a payment is registered.",
    )
