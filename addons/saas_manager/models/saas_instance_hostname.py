"""A further host name at which an instance answers, besides <subdomain>.<base domain>."""

from odoo import api, fields, models

from .. import gateway


class SaasInstanceHostname(models.Model):
    _name = "saas.instance.hostname"
    _description = "SaaS Instance Hostname"
    _order = "name"

    name = fields.Char(string="Hostname", required=True)
    instance_id = fields.Many2one("saas.instance", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="instance_id.company_id", store=True)

    _name_unique = models.Constraint("UNIQUE(name)", "This hostname belongs to an instance already.")

    @api.constrains("name")
    def _check_name(self):
        for hostname in self:
            gateway.check_hostname(hostname.name)
