"""A wizard: an operator installs modules in a customer's instance."""

from odoo import fields, models

from ..models.saas_template import module_names


class SaasInstanceInstallModules(models.TransientModel):
    _name = "saas.instance.install.modules"
    _description = "Install Modules in an Instance"

    instance_id = fields.Many2one("saas.instance", required=True, readonly=True, ondelete="cascade")
    modules = fields.Char(required=True, help="Technical names, separated by spaces or commas.")

    def action_install_modules(self):
        self.ensure_one()
        return self.instance_id.install_modules(module_names(self.modules))
