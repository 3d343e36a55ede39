"""A further host name at which an instance answers, besides <subdomain>.<base domain>."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import gateway


class SaasInstanceHostname(models.Model):
    _name = "saas.instance.hostname"
    _description = "SaaS Instance Hostname"
    _inherit = ["saas.tidy.mixin"]
    _hostname_fields = ("name",)
    _order = "name"

    name = fields.Char(string="Hostname", required=True)
    instance_id = fields.Many2one("saas.instance", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="instance_id.company_id", store=True)

    _name_unique = models.Constraint("UNIQUE(name)", "This hostname belongs to an instance already.")

    @api.constrains("name")
    def _check_name(self):
        for hostname in self:
            gateway.check_hostname(hostname.name)

    @api.model_create_multi
    def create(self, vals_list):
        hostnames = super().create(vals_list)
        hostnames.instance_id._set_domains_later()
        hostnames._check_can_be_had()
        return hostnames

    def write(self, vals):
        if "instance_id" in vals and any(hostname.instance_id.id != vals["instance_id"] for hostname in self):
            raise UserError(self.env._("A hostname stays with its instance. Remove it there first."))
        result = super().write(vals)
        if "name" in vals:
            self.instance_id._set_domains_later()
            self._check_can_be_had()
        return result

    def unlink(self):
        instances = self.instance_id
        result = super().unlink()
        instances._set_domains_later()
        return result

    def _check_can_be_had(self):
        """Tell at once what the engine would say later, of the names of a living instance."""
        for instance in self.instance_id.filtered(lambda i: i.operation == "set_domains"):
            with gateway.translated():
                gateway.check_hostnames(instance)
