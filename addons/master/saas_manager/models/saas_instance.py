"""One customer's running Odoo, with the rules for its name (I3: the same rules everywhere)."""

import uuid
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, format_date, format_time
from psycopg2.errors import UniqueViolation

from .. import gateway
from ..exceptions import NotWithRuntime, SubdomainRefused, SubdomainTaken
from ..faults import SUBDOMAIN_SENTENCES
from ..reasons import in_words_of
from .saas_lifecycle_mixin import filled_columns

_STATES = [
    ("draft", "Draft"),
    ("provisioning", "Being Created"),
    ("active", "Active"),
    ("suspended", "Suspended"),
    ("expired", "Expired"),
    ("failed", "Failed"),
    ("terminated", "Terminated"),
]
_STATUSES = [*_STATES[:3], ("stopped", "Stopped"), *_STATES[3:]]
_SETTLED = {"subdomain", "template_id", "plan_id", "server_id"}
_SETTLED_ONCE_DELIVERED = {"admin_email"}
"""Login links go to this address: whoever could write it could log in as the customer."""
_SUBDOMAIN_INDEX = "saas_instance_subdomain_unique"
_CANDIDATES, _SUGGESTIONS = 8, 3


class SaasInstance(models.Model):
    _name = "saas.instance"
    _description = "SaaS Instance"
    _inherit = [
        "saas.lifecycle.mixin",
        "saas.job.mixin",
        "saas.progress.mixin",
        "saas.abilities.mixin",
        "saas.tidy.mixin",
        "bus.listener.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _order = "id desc"
    _email_fields = ("admin_email",)
    _caption_fields = ("name", "admin_name")
    _portal_fields = frozenset(
        """
        id display_name create_date name partner_id company_id subdomain template_id plan_id series
        admin_email admin_name language_id country_id tz state run_state health url protocol user_count
        max_users user_percent storage_mb max_storage_gb storage_percent activated_at suspended_at
        reactivated_at terminated_at expires_on last_activity_at subscription_ids subscription_id
        subscription_count
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
        "saas.server",
        index=True,
        ondelete="restrict",
        copy=False,
        help="Empty: the server with the most room.",
    )
    runtime = fields.Selection(
        selection=lambda self: self.env["saas.server"]._fields["runtime"]._description_selection(self.env),
        compute="_compute_runtime",
        compute_sudo=True,
    )
    database_name = fields.Char(string="Database", readonly=True, copy=False)
    project = fields.Char(readonly=True, copy=False, help="The id of its project on Railway.")
    series = fields.Selection(related="template_id.series", store=True, precompute=True, string="Odoo Series")
    reference = fields.Char(
        default=lambda self: str(uuid.uuid4()), required=True, readonly=True, copy=False, index=True
    )
    admin_email = fields.Char(required=True, tracking=True, help="The administrator's login.")
    admin_name = fields.Char(
        string="Administrator", help="The user's name in the Odoo. Empty: made from the address."
    )
    admin_password_sealed = fields.Char(groups="base.group_system", exportable=False, copy=False)
    language_id = fields.Many2one("res.lang", context={"active_test": False})
    allowed_template_ids = fields.Many2many("saas.template", compute="_compute_allowed_template_ids")
    allowed_language_ids = fields.Many2many("res.lang", compute="_compute_allowed_language_ids")
    country_id = fields.Many2one("res.country", help="Of the company: its currency and taxes follow from it.")
    tz = fields.Selection(
        selection=lambda self: self.env["res.partner"]._fields["tz"]._description_selection(self.env)
    )
    state = fields.Selection(
        _STATES,
        required=True,
        default="draft",
        readonly=True,
        copy=False,
        index=True,
        tracking=True,
        group_expand=filled_columns("state"),
    )
    status = fields.Selection(
        _STATUSES,
        compute="_compute_status",
        store=True,
        precompute=True,
        group_expand=filled_columns("status"),
        help="The state; an active instance that was stopped is shown as stopped.",
    )
    occupies_server = fields.Boolean(
        compute="_compute_occupies_server", store=True, precompute=True, index=True
    )
    url = fields.Char(string="URL", readonly=True, copy=False)
    previous_url = fields.Char(string="Address Before", readonly=True, copy=False)
    protocol = fields.Char(compute="_compute_protocol")
    activated_at = fields.Datetime(string="Activated", readonly=True, copy=False, index="btree_not_null")
    suspended_at = fields.Datetime(string="Suspended", readonly=True, copy=False)
    reactivated_at = fields.Datetime(string="Reactivated", readonly=True, copy=False)
    terminated_at = fields.Datetime(string="Terminated", readonly=True, copy=False)
    state_reason = fields.Char(
        string="Reason",
        readonly=True,
        copy=False,
        tracking=True,
        help="Why it is suspended, or could not be created.",
    )
    failure = fields.Char(
        string="Last Failure",
        readonly=True,
        copy=False,
        tracking=True,
        help="Why the last operation failed.",
    )
    state_reason_text = fields.Char(string="Reason in Words", compute="_compute_reason_texts")
    failure_text = fields.Char(string="Last Failure in Words", compute="_compute_reason_texts")
    log_ids = fields.One2many("saas.instance.log", "instance_id")
    request_ids = fields.One2many("saas.instance.request", "instance_id")

    _subdomain_unique = models.UniqueIndex(
        "(subdomain) WHERE state != 'terminated'", "This subdomain is taken."
    )

    @api.depends("state_reason", "failure")
    @api.depends_context("lang")
    def _compute_reason_texts(self):
        for instance in self:
            instance.state_reason_text = in_words_of(self.env, instance.state_reason)
            instance.failure_text = in_words_of(self.env, instance.failure)

    @api.depends("state", "run_state")
    def _compute_status(self):
        for instance in self:
            is_stopped = instance.state == "active" and instance.run_state == "stopped"
            instance.status = "stopped" if is_stopped else instance.state

    @api.depends("server_id.runtime", "plan_id.runtime")
    def _compute_runtime(self):
        """How it runs, or will run."""
        for instance in self:
            instance.runtime = instance.server_id.runtime or instance.plan_id.runtime

    def _can(self, what):
        """Whether its runtime has an operation or an ability."""
        return gateway.can(self.runtime, what)

    def _check_can(self, what):
        """Raise NotWithRuntime if its runtime cannot do it."""
        for instance in self.filtered(lambda it: not it._can(what)):
            # sudo: whoever may ask for it need not see servers
            raise NotWithRuntime(gateway.refusal(instance.sudo().server_id))

    @api.depends("state", "operation")
    def _compute_occupies_server(self):
        for instance in self:
            instance.occupies_server = instance.state in ("provisioning", "active", "suspended", "expired")

    @api.depends("url", "server_id.base_domain")
    def _compute_protocol(self):
        default = self.env["ir.config_parameter"].sudo().get_param("saas.protocol") or "http"
        for instance in self:
            instance.protocol = (instance.url or "").partition("://")[0] or default

    @api.depends("plan_id")
    def _compute_allowed_template_ids(self):
        for instance in self:
            instance.allowed_template_ids = instance.plan_id._templates_to_order()

    @api.depends("template_id")
    def _compute_allowed_language_ids(self):
        for instance in self:
            template = instance.template_id
            instance.allowed_language_ids = template._language_records(template._languages())

    @api.depends("operation", "log_ids")
    def _compute_progress(self):
        """The percentage and the message of the last step of the operation that is running."""
        lines = self.env["saas.instance.log"]
        for instance in self:
            domain = [
                ("instance_id", "=", instance._origin.id),
                ("id", ">", instance.operation_after),
                ("step", "!=", False),
            ]
            last = lines.search(domain, limit=1) if instance.operation else lines
            instance.update(last._shown())

    @api.constrains("subdomain")
    def _check_subdomain(self):
        for instance in self:
            self._check_well_formed(instance.subdomain)

    @api.constrains("name", "admin_name")
    def _check_name(self):
        self._check_captions()

    @api.constrains("admin_email")
    def _check_admin_email(self):
        self._check_emails()

    @api.onchange("partner_id")
    def _onchange_partner_id(self):
        if self.partner_id:
            self.name = self.name or self.partner_id.name
            self.admin_email = self.admin_email or self.partner_id.email
            self.country_id = self.country_id or self.partner_id.country_id
            self.subdomain = self.subdomain or self._suggest_subdomain(self.partner_id.name)

    @api.model_create_multi
    def create(self, vals_list):
        with self._refuse_if_taken(vals_list):
            return super().create(vals_list)

    def write(self, vals):
        self._check_not_settled(vals)
        if "subdomain" not in vals:
            return super().write(vals)
        with self._refuse_if_taken([vals]):
            result = super().write(vals)
            self.flush_recordset(["subdomain"])
            return result

    def _check_not_settled(self, vals):
        """Raise AccessError if values change that only actions may change after the creation."""
        states = set(self.mapped("state"))
        settled = _SETTLED & vals.keys() if states - {"draft"} else set()
        if states - {"draft", "failed"}:
            settled |= _SETTLED_ONCE_DELIVERED & vals.keys()
        # Actions use sudo, and keep the database in step.
        if settled and not self.env.su:
            labels = [self._fields[name]._description_string(self.env) for name in sorted(settled)]
            raise AccessError(
                self.env._(
                    "This cannot be changed here once the instance was created: %s.", ", ".join(labels)
                )
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_draft(self):
        """I9: created instances are kept as records."""
        for instance in self.filtered(lambda i: i.state not in ("draft", "terminated")):
            raise UserError(self.env._("%s still exists. Terminate it first.", instance.name))

    def _open_form(self):
        """The form, below the list of instances; `main`: not below the page that was shown before."""
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_instance_action")
        # The client would put the id of the dialog that leads here into the address.
        context = {"active_id": False}
        return {
            **action,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "main",
            "context": context,
        }

    def action_view_logs(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_instance_log_action")
        return {**action, "domain": [("instance_id", "=", self.id)], "context": {}}

    def action_view_subscriptions(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_subscription_action")
        context = {
            "default_instance_id": self.id,
            "default_partner_id": self.partner_id.id,
            "default_plan_id": self.plan_id.id,
        }
        return {**action, "domain": [("instance_id", "=", self.id)], "context": context}

    def _greeted(self, email):
        """The name with which a mail to that address begins: its reader's if known, else the customer's."""
        address = gateway.tidy_email(email or "")
        if self.admin_name and address == self.admin_email:
            return self.admin_name
        asked = self.request_ids.filtered(lambda request: request.customer_email == address)[:1]
        return asked.customer_name or self.partner_id.name

    def _moment(self, moment):
        """The day and the minute where the instance is, for its mails; "" without one."""
        if not moment:
            return ""
        zone = self.tz or "UTC"
        day = format_date(self.with_context(tz=zone).env, moment, date_format="long")
        return f"{day}, {format_time(self.env, moment, tz=zone, time_format='short')} ({zone})"

    # ------------------------------------------------------------ rules for subdomains

    @api.model
    def _objection(self, subdomain):
        """The SubdomainRefused that says why the subdomain is not available; None if it is."""
        objection = self._objection_to_form(subdomain)
        if not objection and (
            self._is_taken(subdomain) or gateway.taken([subdomain], self._subdomain_server())
        ):
            objection = self._refused("taken", subdomain)
        return objection

    def _subdomain_server(self):
        """The server that has its database, or will have it; none for the installation's own."""
        # sudo: users who ask for a name need not see servers
        instance = self[:1].sudo()
        if instance.plan_id._needs_built_templates() or instance.server_id:
            return instance.server_id or instance.template_id.server_id
        there = [("runtime", "=", instance.plan_id.runtime), ("state", "=", "active")]
        return instance.env["saas.server"].search(there, limit=1)

    def _objection_to_form(self, subdomain):
        kind = gateway.subdomain_fault(subdomain, self._reserved_names())
        return self._refused(kind, subdomain) if kind else None

    def _refused(self, kind, subdomain, lost=()):
        """Build the SubdomainRefused. lost: taken names that this transaction may not see yet."""
        sentence = self.env._(SUBDOMAIN_SENTENCES[kind])
        error_class = SubdomainTaken if kind == "taken" else SubdomainRefused
        return error_class(sentence % {"name": subdomain}, str(kind), self._suggestions(subdomain, lost))

    @api.model
    def _check_well_formed(self, subdomain):
        """Raise SubdomainRefused, with suggestions, if the name is invalid or reserved."""
        objection = self._objection_to_form(subdomain)
        if objection:
            raise objection

    @api.model
    def _check_free(self, subdomain):
        """Raise SubdomainRefused, with suggestions, if the name is not available."""
        objection = self._objection(subdomain)
        if objection:
            raise objection

    @api.model
    def _judge_subdomain(self, subdomain):
        """Whether the subdomain is available, and a sentence about it, for forms."""
        if not subdomain:
            return False, False
        objection = self._objection(subdomain)
        if not objection:
            return True, self.env._("%s is free.", subdomain)
        free = ", ".join(objection.suggestions)
        return False, f"{objection} {self.env._('Free: %s.', free)}" if free else str(objection)

    # ------------------------------------------------------------ helpers of the rules

    @api.model
    def _reserved_names(self):
        text = self.env["ir.config_parameter"].sudo().get_param("saas.reserved_names") or ""
        return {name.strip().lower() for name in text.split(",") if name.strip()}

    @api.model
    def _suggest_subdomain(self, company_name):
        """A valid, free subdomain made from a company's name."""
        return (self._suggestions(company_name) or [""])[0]

    @api.model
    def _suggestions(self, text, lost=()):
        """Names that are free. Check a few more than needed, so that the engine is asked only once."""

        def is_taken(name):
            return name in lost or self._is_taken(name)

        found = gateway.suggest_subdomains(text, self._reserved_names(), is_taken, count=_CANDIDATES)
        taken = gateway.taken(found, self._subdomain_server())
        return [name for name in found if name not in taken][:_SUGGESTIONS]

    @api.model
    def _is_taken(self, subdomain):
        takers = SQL(" OR ").join(SQL("EXISTS (%s)", query.select()) for query in self._takers(subdomain))
        return self.env.execute_query(SQL("SELECT %s", takers))[0][0]

    @api.model
    def _takers(self, subdomain):
        """Queries for the records that use a name, or will use it."""
        domain = [
            ("state", "!=", "terminated"),
            *("|", ("subdomain", "=", subdomain)),
            *("&", ("operation", "=", "rename"), ("wanted", "=", subdomain)),
        ]
        # sudo: names of other companies' instances are taken, too
        return [self.sudo().with_context(active_test=False)._search(domain)]

    @contextmanager
    def _refuse_if_taken(self, vals_list):
        """Raise SubdomainTaken if another transaction took the name first, as for any name that is taken."""
        try:
            with self.env.cr.savepoint(flush=False):
                yield
        except UniqueViolation as error:
            lost = [vals["subdomain"] for vals in vals_list if vals.get("subdomain")]
            if error.diag.constraint_name != _SUBDOMAIN_INDEX or len(lost) != 1:
                raise
            # This transaction does not see the other's record.
            raise self._refused("taken", lost[0], lost) from error
