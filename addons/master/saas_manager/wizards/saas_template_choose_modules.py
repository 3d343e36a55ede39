"""A wizard: an administrator chooses the modules of a template by their names for people."""

from odoo import fields, models

from .module_choice import chosen_modules


class SaasTemplateChooseModules(models.TransientModel):
    _name = "saas.template.choose.modules"
    _description = "Choose the Modules of a Template"

    template_id = fields.Many2one("saas.template", required=True, readonly=True, ondelete="cascade")
    server_id = fields.Many2one("saas.server", required=True, readonly=True, ondelete="cascade")
    module_ids = chosen_modules()

    def action_choose_modules(self):
        self.ensure_one()
        self.template_id._choose_modules(self.module_ids, self.server_id)
