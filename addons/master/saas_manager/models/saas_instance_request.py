"""I10: a request for an instance, from the API, the signup page or an operator."""

import uuid

from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import gateway
from .saas_lifecycle_mixin import filled_columns

_PROGRESS = ("progress", "progress_step", "progress_until", "progress_usual_s", "progress_elapsed_s")


class SaasInstanceRequest(models.Model):
    _name = "saas.instance.request"
    _description = "SaaS Instance Request"
    _inherit = ["saas.lifecycle.mixin", "saas.progress.mixin", "saas.tidy.mixin", "mail.thread"]
    _email_fields = ("customer_email", "admin_email")
    _caption_fields = ("customer_name", "company_name", "admin_name")
    _order = "priority desc, id desc"

    name = fields.Char(
        string="Number", required=True, readonly=True, copy=False, default=lambda self: self.env._("New")
    )
    reference = fields.Char(
        default=lambda self: str(uuid.uuid4()), required=True, readonly=True, copy=False, index=True
    )
    source = fields.Selection(
        [("operator", "Operator"), ("api", "API"), ("signup", "Signup page")],
        required=True,
        default="operator",
        readonly=True,
        copy=False,
    )
    priority = fields.Selection([("0", "Normal"), ("1", "High"), ("2", "Urgent")], default="0")
    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    partner_id = fields.Many2one("res.partner", string="Customer", index=True, copy=False)
    customer_name = fields.Char(required=True)
    customer_email = fields.Char(required=True)
    company_name = fields.Char(required=True)
    subdomain = fields.Char(required=True, copy=False, index=True)
    admin_email = fields.Char(help="Empty: the customer's address.")
    admin_name = fields.Char(
        string="Administrator", help="The user's name in the new Odoo. Empty: made from the address."
    )
    plan_id = fields.Many2one("saas.plan", required=True, ondelete="restrict")
    template_id = fields.Many2one("saas.template", required=True, ondelete="restrict")
    language_id = fields.Many2one("res.lang", context={"active_test": False})
    allowed_template_ids = fields.Many2many("saas.template", compute="_compute_allowed_template_ids")
    allowed_language_ids = fields.Many2many("res.lang", compute="_compute_allowed_language_ids")
    country_id = fields.Many2one("res.country", help="Of the company: its currency and taxes follow from it.")
    tz = fields.Selection(
        selection=lambda self: self.env["res.partner"]._fields["tz"]._description_selection(self.env),
        string="Time Zone",
        help="Empty: the country's.",
    )
    advice = fields.Char(compute="_compute_advice")
    period = fields.Selection(
        [("monthly", "Monthly"), ("yearly", "Yearly")], required=True, default="monthly"
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Submitted"),
            ("validated", "Validated"),
            ("processing", "Processing"),
            ("completed", "Completed"),
            ("failed", "Failed"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
        index=True,
        tracking=True,
        group_expand=filled_columns("state"),
    )
    instance_id = fields.Many2one("saas.instance", readonly=True, copy=False, index="btree_not_null")
    attempt_count = fields.Integer(string="Attempts", readonly=True, copy=False)
    error = fields.Char(readonly=True, copy=False)
    completed_at = fields.Datetime(readonly=True, copy=False)

    @api.depends("template_id", "country_id", "plan_id")
    def _compute_advice(self):
        for request in self:
            request.advice = request.template_id._advice(request.country_id, request.plan_id)

    @api.depends("plan_id")
    def _compute_allowed_template_ids(self):
        for request in self:
            request.allowed_template_ids = request.plan_id._templates_to_order()

    @api.depends("template_id")
    def _compute_allowed_language_ids(self):
        for request in self:
            template = request.template_id
            request.allowed_language_ids = template._language_records(template._languages())

    @api.depends("state", "instance_id.progress")
    def _compute_progress(self):
        for request in self:
            # none, unless it is being processed
            instance = request.instance_id if request.state == "processing" else request.instance_id.browse()
            request.update({name: instance[name] for name in _PROGRESS})
            if request.state == "completed":
                request.progress = 100.0

    @api.constrains("customer_email", "admin_email")
    def _check_addresses(self):
        self._check_emails()

    @api.constrains("customer_name", "company_name", "admin_name")
    def _check_names(self):
        self._check_captions()

    @api.constrains("subdomain")
    def _check_subdomain(self):
        for request in self:
            self.env["saas.instance"]._check_well_formed(request.subdomain)

    def _prepare_create_values(self, vals_list):
        """Number them."""
        # Programs have no time zone, and the user's only matters for the year in a number.
        zone = self.env.context.get("tz") or "UTC"
        number = self.env["ir.sequence"].with_context(tz=zone).next_by_code
        return super()._prepare_create_values(
            [{**vals, "name": vals.get("name") or number("saas.instance.request")} for vals in vals_list]
        )

    def action_submit(self):
        """Submit the request, check it, and start at once."""
        self._check_transition("submit")
        for request in self:
            request._check_can_begin()
            request._begin("submit")

    def _check_can_begin(self):
        """Raise an error, before anything is created, if the request cannot be fulfilled."""
        self.ensure_one()
        values = {"template_id": self.template_id.id, "plan_id": self.plan_id.id}
        self.env["saas.instance"].new(values)._check_free(self.subdomain)
        self.template_id._check_serves(self.plan_id)
        if self.source != "signup":
            self.template_id._check_language(self.language_id.code)

    def _begin(self, *actions):
        """Create the customer and the instance. actions: the transitions that lead there, if any."""
        self.ensure_one()
        if not self.partner_id:
            self.partner_id = self._find_or_make_partner()
            self._note_other_name()
        instance = self.env["saas.instance"].create(self._instance_values())
        self._move_to_processing(*actions, instance_id=instance.id)
        instance.action_provision_instance()

    def _move_to_processing(self, *actions, **values):
        """Move through the states with one write: each write would delay the API's answer."""
        attempts = self.attempt_count + 1
        self._move(*actions, "validate", "process", error=False, attempt_count=attempts, **values)

    def _find_or_make_partner(self):
        # sudo: users who manage instances need not have the right to create contacts
        partners = self.env["res.partner"].sudo()
        email = self.customer_email.strip().lower()
        domain = [
            ("email_normalized", "=", email),
            ("is_company", "=", True),
            ("company_id", "in", (False, self.company_id.id)),
        ]
        found = partners.search(domain, limit=1)
        return found or partners.create(
            {
                "name": self.company_name,
                "is_company": True,
                "email": email,
                "lang": self.language_id.code if self.language_id.active else self.env.lang,
                "country_id": self.country_id.id,
                "company_id": self.company_id.id,
            }
        )

    def _note_other_name(self):
        """Note another name for a known address: one email address is one customer, with one bill."""
        if self.partner_id.name != self.company_name:
            note = self.env._(
                "%(customer)s, who has this address, is the customer; the instance is called %(company)s.",
                customer=self.partner_id.name,
                company=self.company_name,
            )
            self.message_post(body=note, subtype_xmlid="mail.mt_note")

    def _instance_values(self):
        return {
            "name": self.company_name,
            "partner_id": self.partner_id.id,
            "company_id": self.company_id.id,
            "subdomain": self.subdomain,
            "template_id": self.template_id.id,
            "plan_id": self.plan_id.id,
            "admin_email": self.admin_email or self.customer_email,
            "admin_name": self.admin_name,
            "language_id": self._instance_language().id,
            "country_id": self.country_id.id,
            "tz": self.tz or gateway.time_zone_of(self.country_id),
        }

    def _instance_language(self):
        """The one nearest to the wanted language that the template has; none if none was wanted."""
        return self.language_id and self.template_id._nearest_language(self.language_id)

    def action_retry(self):
        """Retry a failed request with its existing instance."""
        for request in self:
            request._check_transition("retry")
            if request.instance_id.state == "failed":
                request.instance_id.action_retry()
            else:
                # Move first: a confirmed signup that waits reserves its name, even against itself.
                request._move("retry")
                request._check_can_begin()
                request._begin()

    def _instance_retried(self):
        """Called by the instance, however the retry was started."""
        for request in self.filtered(lambda request: request.state == "failed"):
            request._move_to_processing("retry")

    def action_cancel(self):
        for request in self:
            request._move("cancel")
            request.instance_id.filtered(lambda i: i.state == "failed").action_discard()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_processing(self):
        if any(request.state == "processing" for request in self):
            raise UserError(self.env._("A request that is being processed cannot be deleted."))

    def _instance_activated(self):
        """I10: complete the request only now that the instance is active."""
        processing = self.filtered(lambda request: request.state == "processing")
        processing._move("complete", completed_at=fields.Datetime.now())

    def _instance_failed(self, reason):
        self.filtered(lambda request: request.state == "processing")._move("fail", error=reason)
