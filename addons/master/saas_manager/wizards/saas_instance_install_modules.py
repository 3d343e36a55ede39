"""A wizard: an operator installs modules in a customer's instance, chosen by their names for people."""

from odoo import fields, models

from .module_choice import chosen_modules


class SaasInstanceInstallModules(models.TransientModel):
    _name = "saas.instance.install.modules"
    _description = "Install Modules in an Instance"

    instance_id = fields.Many2one("saas.instance", required=True, readonly=True, ondelete="cascade")
    server_id = fields.Many2one(related="instance_id.server_id", related_sudo=False)
    module_ids = chosen_modules()

    def action_install_modules(self):
        self.ensure_one()
        return self.instance_id.install_modules(self.module_ids.mapped("name"))
