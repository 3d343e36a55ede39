"""The contract that keeps an instance alive for a period."""

from dateutil.relativedelta import relativedelta
from odoo import _, api, fields, models


class SaasSubscription(models.Model):
    _name = "saas.subscription"
    _description = "SaaS Subscription"
    _inherit = ["saas.lifecycle.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _portal_fields = frozenset(
        """
        id display_name create_date name instance_id partner_id company_id plan_id period date_start date_end
        period_count auto_renew state payment_state currency_id price
        """.split()  # noqa: SIM905
    )

    name = fields.Char(
        string="Number", required=True, readonly=True, copy=False, default=lambda self: _("New")
    )
    instance_id = fields.Many2one(
        "saas.instance", required=True, index=True, ondelete="restrict", tracking=True
    )
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    plan_id = fields.Many2one("saas.plan", required=True, index=True, ondelete="restrict", tracking=True)
    period = fields.Selection(
        [("monthly", "Monthly"), ("yearly", "Yearly")], required=True, default="monthly", tracking=True
    )
    date_start = fields.Date(
        string="Start", help="The day all periods are counted from.", copy=False, tracking=True
    )
    date_end = fields.Date(
        string="End",
        help="The first day that is not covered any more.",
        copy=False,
        index="btree_not_null",
        tracking=True,
    )
    period_count = fields.Integer(readonly=True, copy=False, help="Paid or renewed periods since the start.")
    auto_renew = fields.Boolean(default=True, tracking=True)
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("trial", "Trial"),
            ("active", "Active"),
            ("past_due", "Past Due"),
            ("suspended", "Suspended"),
            ("cancelled", "Cancelled"),
            ("expired", "Expired"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
        index=True,
        tracking=True,
        group_expand=True,
    )
    payment_state = fields.Selection(
        [("pending", "Pending"), ("paid", "Paid"), ("overdue", "Overdue")],
        required=True,
        default="pending",
        copy=False,
        tracking=True,
    )
    currency_id = fields.Many2one(related="plan_id.currency_id")
    price = fields.Monetary(compute="_compute_price", store=True, help="Of one period.")
    mrr = fields.Monetary(
        string="Monthly Revenue", compute="_compute_price", store=True, help="Its price, a month."
    )
    reminded_for = fields.Char(readonly=True, copy=False, help="The last reminder sent, as <end>:<days>.")

    @api.depends("plan_id.price_monthly", "plan_id.price_yearly", "period")
    def _compute_price(self):
        for subscription in self:
            price = subscription.plan_id.price(subscription.period) if subscription.plan_id else 0.0
            subscription.price = price
            subscription.mrr = price / 12 if subscription.period == "yearly" else price

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if not vals.get("name"):
                vals["name"] = self.env["ir.sequence"].next_by_code("saas.subscription") or _("New")
        return super().create(vals_list)

    def _start(self):
        """Begin with the trial if the plan has one."""
        for subscription in self:
            today = fields.Date.context_today(subscription)
            days = subscription.plan_id.trial_days
            if days:
                end = today + relativedelta(days=days)
                subscription._move("start_trial", date_start=today, date_end=end)
            else:
                subscription._move("activate", date_start=today, date_end=today, payment_state="pending")
            subscription.instance_id.expires_on = subscription.date_end

    def _instance_terminated(self):
        self.filtered(lambda s: s.state != "cancelled")._move("cancel", auto_renew=False)
