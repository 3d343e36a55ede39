"""Handles a form that was sent from the signup page: creates a draft, or returns its errors."""

from odoo import api, models
from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.faults import CAPTION_SENTENCE, EMAIL_SENTENCE
from odoo.addons.saas_manager_api.errors import ApiError
from odoo.tools import email_normalize

from ..faults import NotHuman, SignupFaults
from .saas_signup import LONGEST, PERIODS


class SaasSignup(models.AbstractModel):
    _inherit = "saas.signup"

    @api.model
    def _create_draft(self, typed, own=(), **visitor):
        """Create a draft and send the mail. Raises SignupFaults.

        own: the references of this browser's earlier requests. visitor: `address` and `is_limited`, as of
        `_sign_up`.
        """
        tidy = self._tidy(typed)
        requests = self.env["saas.instance.request"]
        try:
            requests._check_human(typed)
        except NotHuman as error:
            raise SignupFaults({"": str(error)}) from error
        faults = self._faults(tidy)
        if faults:
            raise SignupFaults(faults)
        try:
            # Forms with errors do not count, neither for all visitors nor for the typed mailbox.
            with self.env.cr.savepoint():
                return requests._sign_up_on_page(self._values(tidy), own, tidy["change"], **visitor)
        except ApiError as error:
            faults = error.problem.told_details(self.env.lang).get("fields")
            raise SignupFaults(faults or {"": self._sentence_of(error)}) from error

    def _sentence_of(self, error):
        if error.problem.status == 429:
            return self.env._("That was a lot at once. Please try again in an hour.")
        return error.problem.told(self.env.lang)

    def _faults(self, tidy):
        found = {
            "company_name": self._fault_of_name(
                tidy["company_name"], self.env._("What is your company called?")
            ),
            "customer_name": self._fault_of_name(tidy["customer_name"], self.env._("What is your name?")),
            "customer_email": self._fault_of_email(tidy["customer_email"]),
            "subdomain": self._fault_of_subdomain(tidy["subdomain"]),
            "country": self._fault_of_country(tidy["country"]),
            **self._faults_of_choices(tidy),
        }
        return {name: fault for name, fault in found.items() if fault}

    def _fault_of_name(self, name, question):
        if not name:
            return question
        return None if gateway.is_caption(name) else self.env._(CAPTION_SENTENCE)

    def _fault_of_email(self, email):
        if not gateway.is_email(email):
            return self.env._(EMAIL_SENTENCE)
        if not email_normalize(email):
            return self.env._("Please check this email address.")
        if self.env["saas.instance.request"]._is_disposable(email):
            return self.env._("Please use an address you keep: this one belongs to a throw-away mailbox.")
        return None

    def _fault_of_country(self, code):
        known = not code or self.env["res.country"]._saas_of_code(code)
        return None if known else self.env._("Please choose your country.")

    def _faults_of_choices(self, tidy):
        plan = self._plans().filtered(lambda it: it.code == tidy["plan"])
        template = self._templates().filtered(lambda it: it.code == tidy["template"])
        if not plan:
            return {"plan": self.env._("Please choose a plan.")}
        if not template:
            return {"template": self.env._("Please choose what to start from.")}
        if plan.template_ids and template not in plan.template_ids:
            sentence = self.env._(
                "The plan %(plan)s does not include %(template)s.", plan=plan.name, template=template.name
            )
            return {"template": sentence}
        return {}

    def _values(self, tidy):
        plan = self._plans().filtered(lambda it: it.code == tidy["plan"])
        template = self._templates().filtered(lambda it: it.code == tidy["template"])
        return {
            **{name: tidy[name] for name in LONGEST},
            "customer_email": gateway.tidy_email(tidy["customer_email"]),
            "admin_name": tidy["customer_name"],
            "country_id": self.env["res.country"]._saas_of_code(tidy["country"]).id,
            "tz": tidy["tz"] if gateway.is_time_zone(tidy["tz"]) else False,
            "plan_id": plan.id,
            "template_id": template.id,
            "period": tidy["period"] if tidy["period"] in PERIODS else "monthly",
            "language_id": self._page_language().id,
            "company_id": self.env.company.id,
        }
