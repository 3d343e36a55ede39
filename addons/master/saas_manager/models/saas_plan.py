"""Limits and prices."""

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .. import gateway
from ..exceptions import NoCapacity

_TOLD = {"name", "max_users", "max_storage_gb", "sleep_after_minutes", "memory_limit_mb"}
"""Fields whose changes are sent to instances and to their servers."""


class SaasPlan(models.Model):
    _name = "saas.plan"
    _description = "SaaS Plan"
    _inherit = ["saas.shared.mixin", "saas.abilities.mixin"]
    _order = "sequence, price_monthly, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    max_users = fields.Integer(string="Users", default=5, help="Internal users. 0: no limit.")
    max_storage_gb = fields.Float(string="Storage (GB)", default=10, help="Database and files. 0: no limit.")
    price_monthly = fields.Monetary(string="Monthly Price")
    price_yearly = fields.Monetary(string="Yearly Price")
    currency_id = fields.Many2one(
        "res.currency", required=True, default=lambda self: self._default_currency_id()
    )
    trial_days = fields.Integer(default=14, help="0: no trial.")
    is_popular = fields.Boolean(string="Popular", help="Highlighted where plans are shown.")
    is_shown = fields.Boolean(
        string="Shown at Signup",
        copy=False,
        help="Whether everybody finds it on the signup page and by publishable keys. Operators may always "
        "order it, in the back office or with a key of their own.",
    )
    features = fields.Html(translate=True)
    template_ids = fields.Many2many("saas.template", string="Templates", help="Empty: all templates.")
    runtime = fields.Selection(
        selection=lambda self: self.env["saas.server"]._supported_runtimes(),
        required=True,
        default="shared",
        help="The servers on which its instances are placed. Their templates must be built there, except for "
        "Railway, where each Odoo installs the modules itself.",
    )
    cpu_limit = fields.Float(string="CPU Cores", help="For container runtimes. 0: no limit.")
    memory_limit_mb = fields.Integer(
        string="Memory (MB)",
        help="The limit of an instance's process or container. 0: the server's default.",
    )
    sleep_after_minutes = fields.Integer(
        string="Sleep After (Minutes)",
        help="An instance's process ends after so long without a visitor; the next visitor, or its next "
        "scheduled job, wakes it. 0: the server's default; a container then never sleeps.",
    )
    backup_nightly = fields.Boolean(string="Nightly Backups", default=True)
    backup_retention_days = fields.Integer(
        string="Daily Backups", default=7, help="Of so many days the newest backup is kept."
    )
    backup_retention_weeks = fields.Integer(
        string="Weekly Backups", default=4, help="Of so many weeks the newest backup is kept."
    )
    backup_retention_months = fields.Integer(
        string="Monthly Backups", default=3, help="Of so many months the newest backup is kept."
    )
    max_instances = fields.Integer(
        default=lambda self: self._default_max_instances(), help="Live instances on this plan. 0: no limit."
    )
    grace_days = fields.Integer(
        default=lambda self: int(self.env["ir.config_parameter"].sudo().get_param("saas.grace_days", 7)),
        help="How long an unpaid instance runs on before it is suspended.",
    )
    instance_ids = fields.One2many("saas.instance", "plan_id")
    instance_count = fields.Integer(compute="_compute_instance_count", compute_sudo=True)

    subscription_ids = fields.One2many("saas.subscription", "plan_id")
    renewing_count = fields.Integer(
        compute="_compute_renewing_count", compute_sudo=True, help="Subscriptions that renew on this plan."
    )

    _code_unique = models.Constraint("UNIQUE(code)", "There is a plan with this code already.")
    _limits_positive = models.Constraint(
        "CHECK(max_users >= 0 AND max_storage_gb >= 0 AND max_instances >= 0 AND trial_days >= 0"
        " AND grace_days >= 0 AND backup_retention_days >= 0"
        " AND backup_retention_weeks >= 0 AND backup_retention_months >= 0"
        " AND cpu_limit >= 0 AND memory_limit_mb >= 0"
        " AND sleep_after_minutes >= 0 AND price_monthly >= 0 AND price_yearly >= 0)",
        "Limits, days and prices cannot be negative.",
    )

    def _default_currency_id(self):
        """That of the plans that exist already: prices beside each other are in one currency."""
        return self.search([], limit=1).currency_id or self.env.company.currency_id

    def _default_max_instances(self):
        return int(self.env["ir.config_parameter"].sudo().get_param("saas.max_instances_per_plan", 100))

    @api.constrains("code")
    def _check_code(self):
        for plan in self:
            gateway.check_slug(self.env, plan.code)

    @api.constrains("sleep_after_minutes", "memory_limit_mb")
    def _check_limits(self):
        for plan in self:
            gateway.check_limits(plan)

    @api.constrains("runtime", "is_shown")
    def _check_is_shown(self):
        """W1: a signup ends in the new Odoo, at an address that was shown before."""
        for plan in self.filtered("is_shown"):
            if not gateway.can(plan.runtime, gateway.Ability.LOG_IN):
                raise ValidationError(
                    self.env._(
                        "%s cannot be shown at the signup: nobody can be logged in to its instances.",
                        plan.name,
                    )
                )

    @api.depends("instance_ids.occupies_server")
    def _compute_instance_count(self):
        """Counted as for servers: failed instances and drafts take up no room."""
        groups = self.env["saas.instance"]._read_group(
            [("plan_id", "in", self.ids), ("occupies_server", "=", True)], ["plan_id"], ["__count"]
        )
        counts = {plan.id: count for plan, count in groups}
        for plan in self:
            plan.instance_count = counts.get(plan.id, 0)

    @api.depends("subscription_ids.state", "subscription_ids.auto_renew")
    def _compute_renewing_count(self):
        """Subscriptions that will renew, at the plan's price on that day."""
        domain = [
            ("plan_id", "in", self.ids),
            ("state", "in", ("trial", "active")),
            ("auto_renew", "=", True),
        ]
        groups = self.env["saas.subscription"]._read_group(domain, ["plan_id"], ["__count"])
        counts = {plan.id: count for plan, count in groups}
        for plan in self:
            plan.renewing_count = counts.get(plan.id, 0)

    def write(self, vals):
        """P3: send changed limits to live instances at once."""
        told = sorted(_TOLD & vals.keys())
        before = {plan: plan.read(told) for plan in self} if told else {}
        result = super().write(vals)
        changed = self.filtered(lambda plan: told and plan.read(told) != before[plan])
        # sudo: instances of all companies use a plan
        changed.sudo().instance_ids._entitle_later()
        return result

    def price(self, period):
        """The price of one period, `monthly` or `yearly`, in the plan's currency."""
        self.ensure_one()
        return self.price_yearly if period == "yearly" else self.price_monthly

    def _terms(self, period):
        """The plan's current terms, for a new period; period: None for one that costs nothing."""
        plan = self.sudo()  # a subscription's plan may belong to another company
        return {
            "plan_id": plan.id,
            "period": period or False,
            "price": plan.price(period) if plan and period else 0.0,
            "currency_id": plan.currency_id.id,
        }

    def _needs_built_templates(self):
        """Whether its instances are clones; else each Odoo installs the template's recipe itself."""
        return gateway.can(self.runtime, gateway.Ability.TEMPLATES)

    def _templates_to_order(self):
        """The templates from which an instance of the plan can be created now."""
        ready = [("is_template_ready", "=", True)] if self._needs_built_templates() else []
        found = self.env["saas.template"].search(ready)
        return found & self.template_ids if self.template_ids else found

    def _check_room(self, template):
        """Raise UserError if the plan allows no further instance of this template."""
        self.ensure_one()
        if self.template_ids and template not in self.template_ids:
            raise UserError(
                self.env._(
                    "The plan %(plan)s does not include %(template)s.", plan=self.name, template=template.name
                )
            )
        if self.max_instances and self.instance_count >= self.max_instances:
            raise NoCapacity(
                self.env._(
                    "The plan %(plan)s is full: %(count)d instances are its limit.",
                    plan=self.name,
                    count=self.max_instances,
                )
            )

    def action_view_instances(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_instance_action")
        return {**action, "domain": [("plan_id", "=", self.id)], "context": {"default_plan_id": self.id}}
