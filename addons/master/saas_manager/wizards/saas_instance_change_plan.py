"""A wizard: an operator changes the plan of an instance."""

from odoo import api, fields, models
from odoo.exceptions import UserError


class SaasInstanceChangePlan(models.TransientModel):
    _name = "saas.instance.change.plan"
    _description = "Change the Plan of an Instance"

    instance_id = fields.Many2one("saas.instance", required=True, readonly=True, ondelete="cascade")
    template_id = fields.Many2one(related="instance_id.template_id")
    current_plan_id = fields.Many2one(related="instance_id.plan_id", string="Present Plan")
    user_count = fields.Integer(related="instance_id.user_count", string="Users Now")
    storage_mb = fields.Float(related="instance_id.storage_mb", string="Storage Now (MB)")
    plan_id = fields.Many2one(
        "saas.plan",
        string="New Plan",
        required=True,
        domain="[('id', '!=', current_plan_id),"
        " '|', ('template_ids', '=', False), ('template_ids', 'in', template_id)]",
    )
    max_users = fields.Integer(related="plan_id.max_users", string="Users Allowed")
    max_storage_gb = fields.Float(related="plan_id.max_storage_gb", string="Storage Allowed (GB)")
    currency_id = fields.Many2one(related="plan_id.currency_id")
    price_monthly = fields.Monetary(related="plan_id.price_monthly")
    price_yearly = fields.Monetary(related="plan_id.price_yearly")
    objection = fields.Char(compute="_compute_objection")

    @api.depends("instance_id", "plan_id")
    def _compute_objection(self):
        """P3: why the new plan is too small; empty if it is not."""
        for wizard in self:
            wizard.objection = False
            try:
                wizard.instance_id._check_fits(wizard.plan_id)
            except UserError as error:
                wizard.objection = str(error)

    def action_change_plan(self):
        self.ensure_one()
        self.instance_id.change_plan(self.plan_id)
        return True
