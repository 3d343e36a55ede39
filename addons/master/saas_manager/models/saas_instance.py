"""One customer's running Odoo."""

import uuid

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from ..operations import OPERATIONS

_SETTLED = {"subdomain", "template_id", "plan_id", "server_id"}


class SaasInstance(models.Model):
    _name = "saas.instance"
    _description = "SaaS Instance"
    _inherit = [
        "saas.lifecycle.mixin",
        "saas.job.mixin",
        "saas.tidy.mixin",
        "bus.listener.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _order = "id desc"
    _email_fields = ("admin_email",)
    _caption_fields = ("name",)
    _action_fields = frozenset(
        {"state", "operation", "wanted", "run_state", "database_name", "reference", "url"}
    )
    _portal_fields = frozenset(
        """
        id display_name create_date name partner_id company_id subdomain template_id plan_id series
        admin_email language_id country_id tz state run_state health url protocol user_count max_users
        user_percent storage_mb max_storage_gb storage_percent activated_at suspended_at reactivated_at
        terminated_at expires_on last_activity_at subscription_ids subscription_id subscription_count
        """.split()  # noqa: SIM905
    )

    name = fields.Char(required=True, tracking=True)
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, index=True, ondelete="restrict", tracking=True
    )
    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    subdomain = fields.Char(required=True, index="trigram", copy=False, tracking=True)
    hostname_ids = fields.One2many("saas.instance.hostname", "instance_id", string="Custom Domains")
    template_id = fields.Many2one("saas.template", required=True, index=True, ondelete="restrict")
    plan_id = fields.Many2one("saas.plan", required=True, index=True, ondelete="restrict", tracking=True)
    server_id = fields.Many2one(
        "saas.server", index=True, ondelete="restrict", copy=False, help="Empty: the one with the most room."
    )
    database_name = fields.Char(string="Database", readonly=True, copy=False)
    series = fields.Selection(related="template_id.series", store=True, precompute=True, string="Odoo Series")
    reference = fields.Char(
        default=lambda self: str(uuid.uuid4()), required=True, readonly=True, copy=False, index=True
    )
    admin_email = fields.Char(required=True, help="The administrator's login.")
    admin_password_sealed = fields.Char(groups="base.group_system", exportable=False, copy=False)
    language_id = fields.Many2one("res.lang", context={"active_test": False})
    country_id = fields.Many2one("res.country")
    tz = fields.Selection(
        selection=lambda self: self.env["res.partner"]._fields["tz"]._description_selection(self.env)
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("provisioning", "Being Created"),
            ("active", "Active"),
            ("suspended", "Suspended"),
            ("expired", "Expired"),
            ("failed", "Failed"),
            ("terminated", "Terminated"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
        index=True,
        tracking=True,
        group_expand=True,
    )
    operation = fields.Selection(
        [(name, row.label) for name, row in OPERATIONS.items()],
        string="Under Way",
        readonly=True,
        copy=False,
    )
    operation_after = fields.Integer(
        readonly=True, copy=False, help="Lines of the log up to this one were there before it began."
    )
    run_state = fields.Selection(
        [("running", "Running"), ("stopped", "Stopped"), ("unknown", "Unknown")],
        required=True,
        default="unknown",
        readonly=True,
        copy=False,
    )
    health = fields.Selection(
        [("healthy", "Healthy"), ("warning", "Warning"), ("critical", "Critical"), ("unknown", "Unknown")],
        required=True,
        default="unknown",
        readonly=True,
        copy=False,
        index=True,
    )
    health_message = fields.Char(readonly=True, copy=False)
    occupies_server = fields.Boolean(
        compute="_compute_occupies_server", store=True, precompute=True, index=True
    )
    url = fields.Char(string="URL", readonly=True, copy=False)
    protocol = fields.Char(compute="_compute_protocol")
    user_count = fields.Integer(string="Users", readonly=True, copy=False)
    max_users = fields.Integer(related="plan_id.max_users", string="Users Allowed")
    user_percent = fields.Float(compute="_compute_percents", aggregator=None)
    storage_mb = fields.Float(string="Storage (MB)", readonly=True, copy=False)
    max_storage_gb = fields.Float(related="plan_id.max_storage_gb", string="Storage Allowed (GB)")
    storage_percent = fields.Float(compute="_compute_percents", aggregator=None)
    activated_at = fields.Datetime(string="Activated", readonly=True, copy=False, index="btree_not_null")
    suspended_at = fields.Datetime(string="Suspended", readonly=True, copy=False)
    reactivated_at = fields.Datetime(string="Reactivated", readonly=True, copy=False)
    terminated_at = fields.Datetime(string="Terminated", readonly=True, copy=False)
    expires_on = fields.Date(string="Expires", readonly=True, copy=False, index="btree_not_null")
    last_activity_at = fields.Datetime(string="Last Activity", readonly=True, copy=False)
    checked_at = fields.Datetime(string="Last Check", readonly=True, copy=False)
    state_reason = fields.Char(string="Reason", readonly=True, copy=False, tracking=True)
    provisioning_s = fields.Float(
        string="Creation Time (s)", digits=(12, 3), readonly=True, copy=False, aggregator="avg"
    )
    log_ids = fields.One2many("saas.instance.log", "instance_id")
    request_ids = fields.One2many("saas.instance.request", "instance_id")
    subscription_ids = fields.One2many("saas.subscription", "instance_id", string="All Subscriptions")
    subscription_id = fields.Many2one("saas.subscription", compute="_compute_subscription_id")
    subscription_count = fields.Integer(compute="_compute_subscription_id")
    progress = fields.Float(compute="_compute_progress")
    progress_step = fields.Char(compute="_compute_progress")

    @api.depends("state", "operation")
    def _compute_occupies_server(self):
        for instance in self:
            instance.occupies_server = instance.state in ("provisioning", "active", "suspended", "expired")

    @api.depends("url", "server_id.base_domain")
    def _compute_protocol(self):
        default = self.env["ir.config_parameter"].sudo().get_param("saas.protocol") or "http"
        for instance in self:
            instance.protocol = (instance.url or "").partition("://")[0] or default

    @api.depends("user_count", "storage_mb", "plan_id.max_users", "plan_id.max_storage_gb")
    def _compute_percents(self):
        """How much of its plan it uses; 0 where the plan sets no limit."""
        for instance in self:
            users, storage_gb = instance.max_users, instance.max_storage_gb
            instance.user_percent = 100.0 * instance.user_count / users if users else 0.0
            instance.storage_percent = (
                100.0 * instance.storage_mb / (1024 * storage_gb) if storage_gb else 0.0
            )

    @api.depends("subscription_ids.state")
    def _compute_subscription_id(self):
        """The newest that has begun and is not cancelled; else a draft; else the last cancelled one."""
        for instance in self:
            every = instance.subscription_ids
            drafts = every.filtered(lambda s: s.state == "draft")
            begun = every.filtered(lambda s: s.state not in ("draft", "cancelled"))
            instance.subscription_count = len(every)
            instance.subscription_id = (begun or drafts or every)[:1]

    @api.depends("operation", "log_ids")
    def _compute_progress(self):
        """Those of the last step of what is under way; of the lines nothing else is read."""
        lines = self.env["saas.instance.log"]
        for instance in self:
            domain = [
                ("instance_id", "=", instance._origin.id),
                ("id", ">", instance.operation_after),
                ("step", "!=", False),
            ]
            last = lines.search(domain, limit=1) if instance.operation else lines
            instance.progress = last.progress
            instance.progress_step = last.step

    @api.constrains("name")
    def _check_name(self):
        self._check_captions()

    @api.constrains("admin_email")
    def _check_admin_email(self):
        self._check_emails()

    @api.constrains("plan_id", "template_id")
    def _check_template_in_plan(self):
        for instance in self:
            allowed = instance.plan_id.template_ids
            if allowed and instance.template_id not in allowed:
                raise ValidationError(
                    self.env._(
                        "The plan %(plan)s does not include %(template)s.",
                        plan=instance.plan_id.name,
                        template=instance.template_id.name,
                    )
                )

    @api.constrains("plan_id")
    def _check_usage_in_plan(self):
        for instance in self:
            instance._check_fits(instance.plan_id)

    @api.onchange("partner_id")
    def _onchange_partner_id(self):
        if self.partner_id:
            self.name = self.name or self.partner_id.name
            self.admin_email = self.admin_email or self.partner_id.email
            self.country_id = self.country_id or self.partner_id.country_id
            self.subdomain = self.subdomain or self._suggest_subdomain(self.partner_id.name)

    def write(self, vals):
        # What its database was made from, and is called: actions change it, under sudo, and see to the rest.
        settled = _SETTLED & vals.keys()
        if settled and not self.env.su and any(instance.state != "draft" for instance in self):
            labels = [self._fields[name]._description_string(self.env) for name in sorted(settled)]
            raise AccessError(
                self.env._("Of a created instance, this cannot be changed here: %s.", ", ".join(labels))
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_draft(self):
        """I9: the record of what was is kept."""
        for instance in self.filtered(lambda i: i.state not in ("draft", "terminated")):
            raise UserError(self.env._("%s still exists. Terminate it first.", instance.name))
