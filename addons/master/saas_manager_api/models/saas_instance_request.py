"""The API's view of a request: create it, start it, and report its state."""

from odoo import api, fields, models
from odoo.addons.saas_manager import gateway
from odoo.exceptions import AccessError, UserError
from odoo.tools.translate import LazyTranslate

from ..exceptions import NoSuchRequest, WrongValue

_lt = LazyTranslate(__name__)

_NOT_FOUND = {
    "plan": _lt("There is no such plan on offer."),
    "runtime": _lt("There is no plan with that runtime on offer."),
    "template": _lt("There is no such template on offer."),
    "language": _lt("There is no such language."),
    "country": _lt("There is no such country."),
    "timezone": _lt("There is no such time zone."),
}
_PASSWORD_KEPT_H = 24
_STATUS_FIELDS = ["state", "source", "instance_id", "error", "admin_email", "customer_email"]
_INSTANCE_FIELDS = ["subdomain", "state", "url", "database_name", "operation", "project"]
"""The fields for the status. It is polled often, so no others are read."""
_PUBLIC_STATES = {
    "draft": "unconfirmed",
    "submitted": "creating",
    "validated": "creating",
    "processing": "creating",
    "completed": "ready",
    "failed": "failed",
    "cancelled": "gone",
}
_SHORT_STATES = {
    "unconfirmed": "creating",
    "creating": "creating",
    "delayed": "creating",
    "ready": "ready",
    "failed": "failed",
    "gone": "failed",
}
"""A5 has three states; the pages and the messages have six."""
_MESSAGES = {
    "unconfirmed": _lt("Waiting until the email address is confirmed by the link in our mail."),
    "creating": _lt("The instance is being created."),
    "delayed": _lt("It cannot begin at this moment; it goes on by itself."),
    "ready": _lt("The instance is ready."),
    "failed": _lt("The instance could not be created."),
    "gone": _lt("The instance is gone, or was given up."),
}


class SaasInstanceRequest(models.Model):
    _inherit = "saas.instance.request"

    api_caller = fields.Char(
        string="API Key", readonly=True, copy=False, help="The fingerprint of the key that asked for it."
    )
    publishable_key_id = fields.Many2one(
        "saas.api.key.publishable", readonly=True, copy=False, index="btree_not_null", ondelete="restrict"
    )
    api_password_sealed = fields.Char(groups="base.group_system", exportable=False, copy=False)
    api_password_until = fields.Datetime(groups="base.group_system", exportable=False, copy=False)

    @api.model
    def _ask_by_api(self, caller, values):
        """A1, A5: create the request and start it. Raises AccessError for a publishable key."""
        if caller.is_publishable:
            raise AccessError(self.env._("A publishable key may only sign up."))
        self.env["saas.instance"]._check_well_formed(values["subdomain"])
        # The request's own fields record who asked for what and when, so it needs no message in the chatter.
        request = self.with_context(tracking_disable=True).create(values)
        # sudo: only this method writes these fields
        request.sudo().write({"source": "api", "api_caller": caller.fingerprint})
        request._begin_by_api()
        return request

    def _begin_by_api(self):
        self.action_submit()
        self._keep_password_by_api()

    def _keep_password_by_api(self):
        # sudo: the password is kept for the key that asked, until it is read or a day has passed
        self.sudo().write(
            {
                "api_password_sealed": self.instance_id.sudo().admin_password_sealed,
                "api_password_until": fields.Datetime.add(fields.Datetime.now(), hours=_PASSWORD_KEPT_H),
            }
        )

    def _manage_by_api(self, action):
        """Retry the request, or cancel it."""
        self.check_access("write")
        if action == "cancel":
            self.action_cancel()
            return
        self.action_retry()
        # sudo: a caller with a key of their own may read the password, which may be a new one
        if self.sudo().api_password_until:
            self._keep_password_by_api()

    @api.model
    def _find_by_api(self, caller, reference):
        """The request, if this caller may see it. Raises NoSuchRequest."""
        domain = [("reference", "=", reference)]
        if caller.is_publishable:
            domain.append(("publishable_key_id", "=", caller.publishable_id))
        found = self.search_fetch(domain, _STATUS_FIELDS, order="id")
        if not found:
            raise NoSuchRequest(self.env._("There is no request %s.", reference))
        # sudo: callers who see a request may know the address and the state of its instance
        found.sudo().instance_id.fetch(_INSTANCE_FIELDS)
        return found

    @api.model
    def _values_by_api(
        self, caller, plan=None, template=None, runtime=None, language=None, country=None, timezone=None
    ):
        """The requested records, with defaults for omitted values. Raises WrongValue."""
        # sudo: offers are public, and a publishable key has no user
        plan = self._plan_by_api(caller, plan, runtime)
        template = self._template_by_api(caller, plan, template)
        return {
            "plan_id": plan.id,
            "template_id": template.id,
            "language_id": self._language_by_api(template, language).id,
            "country_id": self._named("country", "res.country", "code", country and country.upper()).id,
            "tz": self._time_zone_by_api(timezone),
        }

    def _plan_by_api(self, caller, wanted, runtime):
        """What is not shown at the signup must be named, by an operator."""
        domain = self._for_sale() if wanted is None else self._offered_to(caller)
        if wanted is not None:
            domain.append(("id" if isinstance(wanted, int) else "code", "=", wanted))
        if runtime:
            domain.append(("runtime", "=", runtime))
        found = self.env["saas.plan"].sudo().search_fetch(domain, limit=1)
        return found or self._refuse("plan" if wanted is not None or not runtime else "runtime")

    def _template_by_api(self, caller, plan, wanted):
        """As of plans; a plan's own templates need not be named."""
        templates = self.env["saas.template"].sudo()
        domain = self._offered_to(caller) if wanted or plan.template_ids else self._for_sale()
        if plan.template_ids:
            domain.append(("id", "in", plan.template_ids.ids))
        if wanted:
            domain.append(("code", "=", wanted))
        order = f"is_template_ready desc, {templates._order}"
        return templates.search_fetch(domain, order=order, limit=1) or self._refuse("template")

    def _language_by_api(self, template, wanted):
        try:
            template._check_language(wanted)
        except UserError as error:
            raise WrongValue(str(error), fields={"language": str(error)}) from error
        return self._named("language", "res.lang", "code", wanted)

    def _time_zone_by_api(self, wanted):
        if wanted and not gateway.is_time_zone(wanted):
            self._refuse("timezone")
        return wanted or False

    def _offered_to(self, caller):
        """The domain of plans and templates that a caller may order: operators also what is not shown."""
        is_operator = not caller.is_publishable and self.env.user.has_group("saas_manager.group_saas_user")
        return self._of_company() if is_operator else self._for_sale()

    def _for_sale(self):
        """The domain of plans and templates that everybody may order."""
        return [*self._of_company(), ("is_shown", "=", True)]

    def _of_company(self):
        return [("company_id", "in", (False, self.env.company.id))]

    def _named(self, field, model, key, value):
        # sudo: as above
        records = self.env[model].sudo().with_context(active_test=False)
        found = records.search([(key, "=", value)], limit=1) if value else records
        return found if found or not value else self._refuse(field)

    def _refuse(self, field):
        sentence = self.env._(_NOT_FOUND[field])
        raise WrongValue(sentence, fields={field: sentence})

    # ------------------------------------------------------------ its state, as told to callers

    def _public_state(self):
        """The state for all callers: `unconfirmed`, `creating`, `delayed`, `ready`, `failed` or `gone`.

        The API, the pages and their messages all use these states.
        """
        # sudo: callers may know whether the instance that they asked for exists
        if self.sudo().instance_id.state == "terminated":
            return "gone"
        return "delayed" if self._is_delayed() else _PUBLIC_STATES[self.state]

    def _is_delayed(self):
        """Whether it could not start, and is retried automatically."""
        return False

    def _short_state(self):
        """A5: creating, ready or failed."""
        return _SHORT_STATES[self._public_state()]

    def _long_state(self):
        """A2: the request's own state; a request that is retried automatically does not count as failed."""
        return "submitted" if self._is_delayed() else self.state

    def _public_message(self):
        """The state as a sentence for people."""
        return self.env._(_MESSAGES[self._public_state()])

    def _public_warnings(self, caller):
        """Warnings for the caller. Visitors get none: operators see them on the request."""
        return [self.advice] if self.advice and not caller.is_publishable else []

    def _public_error(self, caller):
        """Why it failed; None if it has not failed, and for visitors: only operators may know the reason."""
        if caller.is_publishable or self._public_state() != "failed":
            return None
        return self.error or None

    def _take_password(self, caller):
        """The administrator's password, only once and only for the key that asked for it; else None."""
        # sudo: users cannot read the password
        request = self.sudo()
        is_due = request.api_password_until and request.api_password_until > fields.Datetime.now()
        if self.state != "completed" or request.api_caller != caller.fingerprint or not is_due:
            return None
        sealed, request.api_password_sealed = request.api_password_sealed, False
        return gateway.unseal(sealed) if sealed else None

    @api.autovacuum
    def _gc_api_passwords(self):
        """Delete passwords that were not read in time; the mail has a link instead."""
        domain = [("api_password_until", "<", fields.Datetime.now()), ("api_password_sealed", "!=", False)]
        self.search(domain).api_password_sealed = False
