"""A wizard: an operator creates an instance for a customer."""

from odoo import Command, api, fields, models
from odoo.exceptions import UserError


class SaasInstanceCreate(models.TransientModel):
    _name = "saas.instance.create"
    _description = "Create an Instance for a Customer"

    partner_id = fields.Many2one("res.partner", string="Customer", required=True)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    name = fields.Char(
        string="Company or Name",
        compute="_compute_from_partner",
        compute_sudo=False,
        store=True,
        readonly=False,
        required=True,
    )
    admin_email = fields.Char(
        compute="_compute_from_partner",
        compute_sudo=False,
        store=True,
        readonly=False,
        required=True,
        help="The administrator's login; the welcome mail goes there.",
    )
    is_email_missing = fields.Boolean(compute="_compute_is_email_missing")
    customer_email = fields.Char(
        string="Customer's Email",
        compute="_compute_customer_email",
        compute_sudo=False,
        store=True,
        readonly=False,
        help="Mails about the subscription, such as a suspension, go there. The contact had none so far.",
    )
    admin_name = fields.Char(
        string="Administrator",
        compute="_compute_from_partner",
        compute_sudo=False,
        store=True,
        readonly=False,
        help="The user's name in the new Odoo, and the one with which mails begin.",
    )
    country_id = fields.Many2one(
        "res.country",
        compute="_compute_from_partner",
        compute_sudo=False,
        store=True,
        readonly=False,
        help="The company's currency, taxes and time zone follow from it.",
    )
    plan_id = fields.Many2one("saas.plan", required=True, default=lambda self: self._default_plan_id())
    period = fields.Selection(
        [("monthly", "Monthly"), ("yearly", "Yearly")], required=True, default="monthly"
    )
    allowed_template_ids = fields.Many2many("saas.template", compute="_compute_allowed_template_ids")
    template_id = fields.Many2one(
        "saas.template",
        compute="_compute_template_id",
        store=True,
        readonly=False,
        required=True,
        domain="[('id', 'in', allowed_template_ids)]",
    )
    allowed_language_ids = fields.Many2many("res.lang", compute="_compute_allowed_language_ids")
    language_id = fields.Many2one(
        "res.lang",
        compute="_compute_language_id",
        store=True,
        readonly=False,
        domain="[('id', 'in', allowed_language_ids)]",
        context={"active_test": False},
    )
    advice = fields.Char(compute="_compute_advice")
    subdomain = fields.Char(compute="_compute_subdomain", store=True, readonly=False, required=True)
    subdomain_free = fields.Boolean(compute="_compute_subdomain_message")
    subdomain_message = fields.Char(compute="_compute_subdomain_message")
    domains = fields.Text(string="Further Domains", help="One per line, such as odoo.acme.example.")

    def _default_plan_id(self):
        return self.env["saas.plan"].search([], order="is_popular desc, sequence, id", limit=1)

    @api.depends("partner_id")
    def _compute_from_partner(self):
        for wizard in self:
            partner = wizard.partner_id
            wizard.name = partner.commercial_company_name or partner.name
            wizard.admin_email = partner.email
            wizard.admin_name = partner.name if partner and not partner.is_company else False
            wizard.country_id = partner.country_id

    @api.depends("partner_id", "admin_email")
    def _compute_customer_email(self):
        """The contact's address; a contact without one gets the administrator's, unless another is typed."""
        for wizard in self:
            wizard.customer_email = wizard.partner_id.email or wizard.admin_email

    @api.depends("partner_id.email")
    def _compute_is_email_missing(self):
        for wizard in self:
            wizard.is_email_missing = bool(wizard.partner_id) and not wizard.partner_id.email

    @api.depends("plan_id")
    def _compute_allowed_template_ids(self):
        for wizard in self:
            wizard.allowed_template_ids = wizard.plan_id._templates_to_order()

    @api.depends("allowed_template_ids")
    def _compute_template_id(self):
        for wizard in self:
            allowed = wizard.allowed_template_ids._origin
            wizard.template_id = wizard.template_id & allowed or allowed[:1]

    @api.depends("template_id")
    def _compute_allowed_language_ids(self):
        for wizard in self:
            template = wizard.template_id
            wizard.allowed_language_ids = template._language_records(template._languages())

    @api.depends("template_id", "country_id", "plan_id")
    def _compute_advice(self):
        for wizard in self:
            wizard.advice = wizard.template_id._advice(wizard.country_id, wizard.plan_id)

    @api.depends("partner_id", "allowed_language_ids")
    def _compute_language_id(self):
        """The customer's language, if the template has it."""
        for wizard in self:
            allowed, code = wizard.allowed_language_ids._origin, wizard.partner_id.lang
            own = allowed.filtered(lambda language, code=code: language.code == code)
            wizard.language_id = own or wizard.language_id & allowed

    @api.depends("name")
    def _compute_subdomain(self):
        instances = self.env["saas.instance"]
        for wizard in self:
            wizard.subdomain = wizard.name and instances._suggest_subdomain(wizard.name)

    @api.depends("subdomain", "template_id", "plan_id")
    def _compute_subdomain_message(self):
        for wizard in self:
            values = {"template_id": wizard.template_id.id, "plan_id": wizard.plan_id.id}
            judge = self.env["saas.instance"].new(values)._judge_subdomain
            wizard.subdomain_free, wizard.subdomain_message = judge(wizard.subdomain)

    def action_create(self):
        """Submit a request for the instance, and open the instance at its own address."""
        self.ensure_one()
        if self.is_email_missing and self.customer_email:
            self._complete_contact()
        request = self.env["saas.instance.request"].create(self._request_values())
        request.action_submit()
        instance = request.instance_id
        hostnames = dict.fromkeys((self.domains or "").lower().split())
        instance.hostname_ids = [Command.create({"name": name}) for name in hostnames]
        return instance._open_form()

    def _complete_contact(self):
        """Give the contact the typed address, unless they have a login: passwords are sent to its address."""
        # sudo: who may create instances may complete their contact; an address is not replaced
        partner = self.partner_id.sudo()
        if partner.with_context(active_test=False).user_ids:
            raise UserError(
                self.env._("%s has a login here: an administrator must enter their address.", partner.name)
            )
        partner.email = self.customer_email

    def _request_values(self):
        return {
            "company_id": self.company_id.id,
            "partner_id": self.partner_id.id,
            "customer_name": self.partner_id.name or self.name,
            "admin_name": self.admin_name,
            "customer_email": self.partner_id.email or self.customer_email or self.admin_email,
            "company_name": self.name,
            "subdomain": self.subdomain,
            "admin_email": self.admin_email,
            "plan_id": self.plan_id.id,
            "period": self.period,
            "template_id": self.template_id.id,
            "language_id": self.language_id.id,
            "country_id": self.country_id.id,
        }
