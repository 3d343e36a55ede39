"""A wizard: an operator suspends an instance and gives the reason."""

from odoo import fields, models


class SaasInstanceSuspend(models.TransientModel):
    _name = "saas.instance.suspend"
    _description = "Suspend an Instance"

    instance_id = fields.Many2one("saas.instance", required=True, readonly=True, ondelete="cascade")
    reason = fields.Char(required=True, help="The customer reads it.")

    def action_suspend(self):
        self.ensure_one()
        return self.instance_id.action_suspend(self.reason)
