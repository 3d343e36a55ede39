"""The settings page."""

import functools

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .. import gateway

_ZERO_HAS_A_MEANING = (
    "saas_pool_size",
    "saas_grace_days",
    "saas_termination_days",
    "saas_max_instances_per_plan",
)


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    saas_base_domain = fields.Char(
        string="Base Domain",
        config_parameter="saas.base_domain",
        default=lambda self: gateway.address_settings()["base_domain"],
    )
    saas_protocol = fields.Selection(
        [("http", "HTTP"), ("https", "HTTPS")],
        string="Protocol",
        config_parameter="saas.protocol",
        default=lambda self: gateway.address_settings()["protocol"],
    )
    saas_restart_needed = fields.Boolean(compute="_compute_saas_restart_needed")
    saas_reserved_names = fields.Char(string="Reserved Names", config_parameter="saas.reserved_names")
    saas_pool_size = fields.Integer(
        string="Spares per Template", config_parameter="saas.pool_size", default=2
    )
    saas_credential_delivery = fields.Selection(
        [("link", "One-time link"), ("password", "Password")],
        string="First Login",
        config_parameter="saas.credential_delivery",
        default="link",
    )
    saas_log_retention_days = fields.Integer(
        string="Keep Logs (Days)", config_parameter="saas.log_retention_days", default=30
    )
    saas_grace_days = fields.Integer(string="Grace (Days)", config_parameter="saas.grace_days", default=7)
    saas_final_backup_days = fields.Integer(
        string="Keep Final Backups (Days)", config_parameter="saas.final_backup_days", default=30
    )
    saas_termination_days = fields.Integer(
        string="Terminate After (Days)", config_parameter="saas.termination_days", default=0
    )
    saas_max_instances_per_plan = fields.Integer(
        string="Instances per Plan", config_parameter="saas.max_instances_per_plan", default=100
    )
    saas_collect_payments = fields.Boolean(
        string="Renewals Need a Payment", config_parameter="saas.collect_payments"
    )

    @api.depends("saas_base_domain", "saas_protocol")
    def _compute_saas_restart_needed(self):
        """Whether the servers run with other values: they read these settings only when they start."""
        now = gateway.address_settings()
        for settings in self:
            wanted = {"base_domain": settings._base_domain(), "protocol": settings.saas_protocol}
            settings.saas_restart_needed = wanted != now

    def _base_domain(self):
        return (self.saas_base_domain or "localhost").strip().lower()

    @api.constrains("saas_base_domain")
    def _check_saas_base_domain(self):
        for settings in self:
            if settings._base_domain() != "localhost":
                gateway.check_hostname(self.env, settings._base_domain())

    @api.constrains("saas_reserved_names")
    def _check_saas_reserved_names(self):
        for settings in self:
            names = [name.strip() for name in (settings.saas_reserved_names or "").split(",")]
            wrong = [name for name in names if name and not gateway.is_label(name)]
            if wrong:
                raise ValidationError(
                    self.env._(
                        "Not a subdomain: %(names)s. A reserved name has only a-z, 0-9 and dashes; "
                        "separate several by commas.",
                        names=", ".join(wrong),
                    )
                )

    @api.constrains(*_ZERO_HAS_A_MEANING, "saas_log_retention_days", "saas_final_backup_days")
    def _check_saas_numbers(self):
        for settings in self:
            if any(settings[name] < 0 for name in _ZERO_HAS_A_MEANING):
                raise ValidationError(self.env._("Numbers of days, spares and instances cannot be negative."))
            if settings.saas_log_retention_days < 1:
                raise ValidationError(self.env._("Logs are kept for at least one day."))
            if settings.saas_final_backup_days < 1:
                raise ValidationError(self.env._("Final backups are kept for at least one day."))

    def set_values(self):
        """Store zeros, too: Odoo deletes a parameter that is set to 0, and the default would apply."""
        mail_before = self._instances_mail_server()
        companies = self.env["res.company"].sudo().search([("active", "=", True)])
        with self.env["saas.provider"]._telling_changes(companies):
            result = super().set_values()
        self._save_mail_server()
        if (mail_now := self._instances_mail_server()) != mail_before:
            if mail_now:
                gateway.check_mail_server(self.env, mail_now)
            self.env["saas.provider"]._tell_mail_server()
        save = functools.partial(gateway.save_address_settings, self._base_domain(), self.saas_protocol)
        self.env.cr.postcommit.add(save)
        parameters = self.env["ir.config_parameter"].sudo()  # as in Odoo's own set_values
        for name in _ZERO_HAS_A_MEANING:
            if not self[name]:
                parameters.set_param(self._fields[name].config_parameter, "0")
        return result
