"""A wizard: an operator changes the subdomain of an instance."""

from odoo import api, fields, models


class SaasInstanceChangeSubdomain(models.TransientModel):
    _name = "saas.instance.change.subdomain"
    _description = "Change the Subdomain of an Instance"

    instance_id = fields.Many2one("saas.instance", required=True, readonly=True, ondelete="cascade")
    url = fields.Char(related="instance_id.url", related_sudo=False, string="Present Address")
    subdomain = fields.Char(string="New Subdomain", required=True)
    subdomain_free = fields.Boolean(compute="_compute_subdomain_message")
    subdomain_message = fields.Char(compute="_compute_subdomain_message")

    @api.depends("subdomain")
    def _compute_subdomain_message(self):
        for wizard in self:
            judge = wizard.instance_id._judge_subdomain
            wizard.subdomain_free, wizard.subdomain_message = judge(wizard.subdomain)

    def action_change_subdomain(self):
        self.ensure_one()
        return self.instance_id.change_subdomain(self.subdomain)
