"""A wizard: an operator changes the plan of an instance; the present plan and the new one side by side."""

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date


class SaasInstanceChangePlan(models.TransientModel):
    _name = "saas.instance.change.plan"
    _description = "Change the Plan of an Instance"

    instance_id = fields.Many2one("saas.instance", required=True, readonly=True, ondelete="cascade")
    template_id = fields.Many2one(related="instance_id.template_id", related_sudo=False)
    checked_at = fields.Datetime(related="instance_id.checked_at", related_sudo=False)
    user_count = fields.Integer(related="instance_id.user_count", related_sudo=False, string="Users Now")
    storage_mb = fields.Float(related="instance_id.storage_mb", related_sudo=False, string="Storage Now (MB)")
    subscription_id = fields.Many2one("saas.subscription", compute="_compute_terms")
    period = fields.Selection([("monthly", "per month"), ("yearly", "per year")], compute="_compute_terms")
    current_plan_id = fields.Many2one(
        related="instance_id.plan_id", related_sudo=False, string="Present Plan"
    )
    current_max_users = fields.Integer(
        related="current_plan_id.max_users", related_sudo=False, string="Users Allowed Now"
    )
    current_max_storage_gb = fields.Float(
        related="current_plan_id.max_storage_gb", related_sudo=False, string="Storage Allowed Now (GB)"
    )
    current_price = fields.Monetary(
        string="Present Price", compute="_compute_terms", currency_field="current_currency_id"
    )
    current_currency_id = fields.Many2one("res.currency", compute="_compute_terms")
    plan_id = fields.Many2one(
        "saas.plan",
        string="New Plan",
        required=True,
        domain="[('id', '!=', current_plan_id),"
        " '|', ('template_ids', '=', False), ('template_ids', 'in', template_id)]",
    )
    max_users = fields.Integer(related="plan_id.max_users", related_sudo=False, string="Users Allowed")
    max_storage_gb = fields.Float(
        related="plan_id.max_storage_gb", related_sudo=False, string="Storage Allowed (GB)"
    )
    currency_id = fields.Many2one(related="plan_id.currency_id", related_sudo=False)
    price = fields.Monetary(string="New Price", compute="_compute_price")
    difference = fields.Monetary(compute="_compute_price")
    is_comparable = fields.Boolean(compute="_compute_price", help="Both prices are in the same currency.")
    when = fields.Char(string="What Happens When", compute="_compute_when")
    objection = fields.Char(compute="_compute_objection")

    @api.depends("instance_id")
    def _compute_terms(self):
        """The price that is paid today: the subscription's; without one, the present plan's."""
        for wizard in self:
            subscription = wizard.instance_id.subscription_id
            wizard.subscription_id = subscription.filtered(lambda it: it.state != "cancelled")
            wizard.period = wizard.subscription_id.period or "monthly"
            paid = wizard.subscription_id or wizard.current_plan_id
            wizard.current_currency_id = paid.currency_id
            wizard.current_price = (
                paid.price if wizard.subscription_id else wizard.current_plan_id.price_monthly
            )

    @api.depends("plan_id", "period", "current_price")
    def _compute_price(self):
        for wizard in self:
            plan = wizard.plan_id
            wizard.price = plan.price_yearly if wizard.period == "yearly" else plan.price_monthly
            wizard.is_comparable = plan and plan.currency_id == wizard.current_currency_id
            wizard.difference = wizard.price - wizard.current_price if wizard.is_comparable else 0.0

    @api.depends("plan_id", "subscription_id")
    def _compute_when(self):
        for wizard in self:
            subscription = wizard.subscription_id
            end = subscription.date_end and format_date(self.env, subscription.date_end)
            if subscription.state == "trial" and end:
                wizard.when = self.env._(
                    "The new limits apply at once. The trial goes on until %s; then the new price is paid.",
                    end,
                )
            elif end:
                wizard.when = self.env._(
                    "The new limits and the new price apply from today. "
                    "What was paid up to %s is not settled.",
                    end,
                )
            else:
                wizard.when = self.env._("The new limits and the new price apply from today.")

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
