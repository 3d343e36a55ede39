"""A template: a recipe, and the frozen template database built from it."""

import re

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .. import gateway
from ..reasons import in_words_of

_SERVES = ("ready", "editing", "stale")
_MODULE_SEPARATORS = re.compile(r"[\s,;]+")


def module_names(text):
    """The technical names in a text, separated by anything."""
    return [name for name in _MODULE_SEPARATORS.split(text or "") if name]


class SaasTemplate(models.Model):
    _name = "saas.template"
    _description = "SaaS Template"
    _inherit = [
        "saas.shared.mixin",
        "saas.lifecycle.mixin",
        "saas.job.mixin",
        "saas.progress.mixin",
        "saas.activity.mixin",
        "bus.listener.mixin",
        "mail.thread",
        "mail.activity.mixin",
        "image.mixin",
    ]
    _order = "sequence, name"

    name = fields.Char(required=True, translate=True, tracking=True)
    code = fields.Char(required=True, help="Lowercase slug, such as restaurant.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    template_db = fields.Char(
        string="Template Database",
        compute="_compute_template_db",
        store=True,
        precompute=True,
        required=True,
        help="Derived from the code.",
    )
    series = fields.Selection(
        [("17.0", "17.0"), ("18.0", "18.0"), ("19.0", "19.0")],
        string="Odoo Series",
        required=True,
        default="19.0",
    )
    modules = fields.Text(
        required=True,
        default="base web mail portal contacts",
        tracking=True,
        help="Technical names, separated by spaces or commas.",
    )
    language_ids = fields.Many2many(
        "res.lang", string="Languages", context={"active_test": False}, help="Empty: English only."
    )
    country_id = fields.Many2one("res.country", help="Sets the chart of accounts, taxes and currency.")
    with_demo = fields.Boolean(string="Demo Data", tracking=True)
    is_shown = fields.Boolean(
        string="Shown at Signup",
        copy=False,
        help="Whether everybody finds it on the signup page and by publishable keys. Operators may always "
        "order it, in the back office or with a key of their own.",
    )
    description = fields.Html(translate=True)
    template_version = fields.Char(string="Version", readonly=True, copy=False)
    pool_size = fields.Integer(
        string="Spares",
        default=lambda self: int(self.env["ir.config_parameter"].sudo().get_param("saas.pool_size", 2)),
        help="Finished clones that are kept ready, so that a creation takes half a second.",
    )
    spare_count = fields.Integer(string="Spares Waiting", readonly=True, copy=False)
    server_id = fields.Many2one(
        "saas.server",
        help="The server on which it is built and its instances run. Empty: the installation's own server.",
    )
    instance_ids = fields.One2many("saas.instance", "template_id")
    instance_count = fields.Integer(compute="_compute_instance_count", compute_sudo=True)
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("building", "Building"),
            ("ready", "Ready"),
            ("editing", "Being Edited"),
            ("stale", "Stale"),
            ("failed", "Failed"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
        tracking=True,
    )
    is_template_ready = fields.Boolean(string="Serves", compute="_compute_is_template_ready", store=True)
    state_reason = fields.Char(string="Reason", readonly=True, copy=False, help="Why it failed or is stale.")
    state_reason_text = fields.Char(string="Reason in Words", compute="_compute_state_reason_text")
    built_at = fields.Datetime(readonly=True, copy=False)
    loaded_languages = fields.Char(
        readonly=True, copy=False, help="Codes of the languages that it had when it was built."
    )
    chart_country_code = fields.Char(
        string="Chart of Accounts",
        readonly=True,
        copy=False,
        help="The country of its chart of accounts when it was built.",
    )
    size_mb = fields.Float(string="Size (MB)", readonly=True, copy=False, aggregator=None)
    build_log = fields.Text(
        string="Odoo's Log",
        compute="_compute_build_log",
        groups="saas_manager.group_saas_administrator",
        exportable=False,
    )
    edit_url = fields.Char(string="Edit At", readonly=True, copy=False)
    log_ids = fields.One2many("saas.instance.log", "template_id")

    _code_unique = models.Constraint("UNIQUE(code)", "There is a template with this code already.")
    _template_db_unique = models.Constraint(
        "UNIQUE(template_db)", "There is a template with this database already."
    )

    @api.depends("code")
    def _compute_template_db(self):
        for template in self:
            template.template_db = template.code and f"template_{template.code}"

    @api.depends("state", "template_version")
    def _compute_is_template_ready(self):
        """A template that is being rebuilt or edited stays usable in its last version."""
        for template in self:
            serves = template.state in _SERVES or bool(template.template_version)
            template.is_template_ready = serves

    @api.depends("instance_ids.state")
    def _compute_instance_count(self):
        groups = self.env["saas.instance"]._read_group(
            [("template_id", "in", self.ids), ("state", "!=", "terminated")], ["template_id"], ["__count"]
        )
        counts = {template.id: count for template, count in groups}
        for template in self:
            template.instance_count = counts.get(template.id, 0)

    @api.depends("state", "log_ids")
    def _compute_progress(self):
        for template in self:
            last = template.log_ids[:1] if template.state == "building" else template.log_ids.browse()
            template.update(last._shown())

    @api.depends("state_reason")
    @api.depends_context("lang")
    def _compute_state_reason_text(self):
        for template in self:
            template.state_reason_text = in_words_of(self.env, template.state_reason)

    @api.depends("state", "code")
    def _compute_build_log(self):
        """Read it when it is shown: while a template is built, and after a build failed."""
        for template in self:
            is_shown = template.id and template.state in ("building", "failed")
            template.build_log = gateway.build_log(template) if is_shown else False

    @api.constrains("code", "modules", "language_ids", "country_id")
    def _check_recipe(self):
        for template in self:
            gateway.check_recipe(template)

    @api.constrains("template_db", "code")
    def _check_template_db(self):
        for template in self:
            if template.template_db != f"template_{template.code}":
                raise ValidationError(
                    self.env._(
                        "The database of a template is called template_<code>: template_%s.", template.code
                    )
                )

    @api.constrains("server_id")
    def _check_server(self):
        for server in self.server_id:
            if not server._can(gateway.Ability.TEMPLATES):
                raise ValidationError(gateway.refusal(server))

    @api.constrains("pool_size")
    def _check_pool_size(self):
        if any(template.pool_size < 0 for template in self):
            raise ValidationError(self.env._("The number of spares cannot be negative."))

    def write(self, vals):
        """T8: mark the template as stale if its recipe changes."""
        recipes = {template: template._recipe() for template in self}
        if "code" in vals and any(template.template_version for template in self):
            raise UserError(
                self.env._("A built template keeps its code. Copy it to have one with another code.")
            )
        if "server_id" in vals:
            self._check_may_move(vals["server_id"])
        result = super().write(vals)
        for template in self:
            if template.state == "ready" and template._recipe() != recipes[template]:
                template._move("outdate", state_reason=self.env._("Its recipe changed."))
        return result

    def _check_may_move(self, server_id):
        address = self.env["saas.server"].browse(server_id).address or ""
        if any(it.template_version and (it.server_id.address or "") != address for it in self):
            raise UserError(
                self.env._("A built template stays on its server. Copy it to have one on another.")
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_in_use(self):
        # sudo: instances of other companies count, too
        for template in self.sudo().filtered("instance_ids"):
            raise UserError(self.env._("%s has instances. Archive it instead.", template.name))

    def _recipe(self):
        """The recipe in the form of `tenantry.model.recipe.Recipe`."""
        self.ensure_one()
        languages = self.with_context(active_test=False).language_ids.mapped("code")
        return {
            "name": self.with_context(lang="en_US").name,
            "modules": module_names(self.modules),
            "languages": ["en_US", *sorted({*languages} - {"en_US"})],
            "country": self.country_id.code or "",
            "demo": self.with_demo,
        }

    # ------------------------------------------------------------ actions

    def action_create_template_db(self):
        """T2: build the template in the background; the previous version stays usable meanwhile."""
        return self._want_build("_build")

    def action_update_template(self):
        """Build it again even if nothing changed; the patch part of its version increases."""
        return self._want_build("_rebuild")

    def _want_build(self, job):
        for template in self:
            template._move("build", state_reason=False)
            template._enqueue(job, self.env._("Build the template %s", template.name))
        return self._notify(self.env._("The template is being built. It takes a minute or two."))

    def action_edit_template(self):
        """T5: open a copy that the operator edits in Odoo's own interface."""
        self.ensure_one()
        self.check_access("write")
        if self.state != "editing":
            self._check_transition("edit")
        with gateway.translated(self.env):
            editing = gateway.edit_template(self)
        if self.state != "editing":
            self._move("edit")
        # sudo: only actions write it
        self.sudo().edit_url = editing.url
        message = self.env._(
            "Log in at %(url)s as %(login)s with the password %(password)s (shown once). "
            "Press Mark as Ready here when you have finished.",
            url=editing.url,
            login=editing.login,
            password=editing.password.reveal(),
        )
        return self._notify(message, sticky=True)

    def action_mark_ready(self):
        """Use the edited copy as the template's next version."""
        for template in self:
            template._move("take_back", edit_url=False)
            template._enqueue("_finish_editing", self.env._("Take %s back from editing", template.name))
        return self._notify(self.env._("The edited template is being checked and frozen."))

    def action_fill_pool(self):
        self.check_access("write")
        for template in self:
            template._enqueue("_fill_pool", self.env._("Fill the pool of %s", template.name))

    def action_view_instances(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_instance_action")
        context = {"default_template_id": self.id}
        return {**action, "domain": [("template_id", "=", self.id)], "context": context}

    def clone_template_db(self, new_db_name):
        """T3: clone the template to the database `new_db_name`. Raises UserError if it is not ready."""
        self.ensure_one()
        self.check_access("write")
        self._check_is_ready()
        if not new_db_name:
            raise UserError(self.env._("Give the new database a name."))
        with gateway.translated(self.env):
            return gateway.clone_template(self, new_db_name)

    def _languages(self):
        """The codes of its languages: those it was built with, else those of its recipe."""
        return set((self.loaded_languages or "").split()) or {"en_US", *self.language_ids.mapped("code")}

    def _advice(self, country, plan):
        """A note for an order on that plan for a customer of that country, or False."""
        if not self or not gateway.foreign_chart(self, country, self):
            return False
        # sudo: users who order may know of all templates, but cannot see those of other companies
        ready = [("is_template_ready", "=", True), ("company_id", "in", (False, self.env.company.id))]
        others = self.sudo().search(ready)
        others = others & plan.sudo().template_ids if plan.template_ids else others
        found = gateway.foreign_chart(self, country, others)
        better = others.filtered(lambda template: template.code in found.templates)
        charts = self.env["res.country"].search([("code", "=", found.chart_country)])
        first = self.env._(
            "The template %(template)s has the chart of accounts of %(chart)s: for a customer of %(country)s "
            "its taxes are switched off.",
            template=self.name,
            chart=charts.name or found.chart_country,
            country=country.name,
        )
        if better:
            named = ", ".join(f"{template.name} ({template.code})" for template in better)
            remedy = self.env._("Templates with the country's own: %s.", named)
        else:
            remedy = self.env._(
                "The country's own is chosen in the settings of the new Odoo, before the first invoice."
            )
        return f"{first} {remedy}"

    def _nearest_language(self, language):
        """The `res.lang` of an order in that language: its own, else another form of it, else English.

        None if there is none of these: then the Odoo has the language of the template.
        """
        wanted = language.code or ""
        there = sorted(self._languages())
        alike = [code for code in there if code.partition("_")[0] == wanted.partition("_")[0]]
        found = next((code for code in (wanted, *alike, "en_US") if code in there), None)
        # sudo: everybody may know languages
        return self.sudo()._language_records({found} - {None}).sudo(False)

    def _check_language(self, code):
        """Raise an error early if the template lacks the language. code: Odoo's, or none."""
        self.ensure_one()
        if code and code not in self._languages():
            raise UserError(
                self.env._(
                    "The template %(template)s has no %(language)s. It has: %(offered)s.",
                    template=self.name,
                    language=code,
                    offered=", ".join(sorted(self._languages())),
                )
            )

    @api.model
    def _language_records(self, codes):
        """The `res.lang` of these codes, also of those that the back office itself does not use."""
        languages = self.env["res.lang"].with_context(active_test=False)
        return languages.search([("code", "in", sorted(codes))])

    def _check_is_ready(self):
        self.ensure_one()
        if not self.is_template_ready:
            raise UserError(self.env._("The template %s is not ready. Build it first.", self.name))

    def _check_serves(self, plan):
        """Raise UserError if no instance of that plan can be created from it now."""
        if plan._needs_built_templates():
            self._check_is_ready()

    def _notify(self, message, sticky=False):
        params = {
            "message": message,
            "type": "info",
            "sticky": sticky,
            "next": {"type": "ir.actions.client", "tag": "soft_reload"},
        }
        return {"type": "ir.actions.client", "tag": "display_notification", "params": params}
