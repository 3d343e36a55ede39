"""The signup page: what it offers, and what it makes of a form."""

import re

from odoo import api, models
from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager_api.errors import ApiError
from odoo.exceptions import UserError, ValidationError
from odoo.tools import email_normalize

from ..faults import NotHuman, SignupFaults

_LONGEST = {"company_name": 100, "customer_name": 100, "customer_email": 254, "subdomain": 50}
_CHOICES = ("plan", "template", "period")
_CHECKS_AN_HOUR = 600
_MINIMUM_S = 2
CAP_PER_HOUR = 200
_PERIODS = ("monthly", "yearly")


class SaasSignup(models.AbstractModel):
    _name = "saas.signup"
    _description = "SaaS Signup Page"

    # ------------------------------------------------------------ what is offered

    @api.model
    def _is_open(self):
        return not self._setting("closed") and bool(self._templates()) and bool(self._plans())

    @api.model
    def _setting(self, name):
        # sudo: a setting.
        return self.env["ir.config_parameter"].sudo().get_param(f"saas_signup.{name}")

    @api.model
    def _minimum_s(self):
        """Nobody fills the form in faster, in seconds."""
        return int(self._setting("minimum_s") or _MINIMUM_S)

    @api.model
    def _cap_per_hour(self):
        """So many may sign up in an hour, all doors together. 0: no limit."""
        return int(self._setting("cap_per_hour") or CAP_PER_HOUR)

    @api.model
    def _plans(self):
        return self.env["saas.plan"].search(self.env["saas.instance.request"]._for_sale())

    @api.model
    def _templates(self):
        """Those that can be had now."""
        domain = [*self.env["saas.instance.request"]._for_sale(), ("is_template_ready", "=", True)]
        return self.env["saas.template"].search(domain)

    @api.model
    def _form_values(self, typed, faults):
        plans, templates, typed = self._plans(), self._templates(), self._tidy(typed)
        plan = plans.filtered(lambda it: it.code == typed["plan"]) or self._usual(plans)
        template = templates.filtered(lambda it: it.code == typed["template"])
        return {
            "plans": plans,
            "templates": templates,
            "typed": {
                **typed,
                "plan": plan.code,
                "template": (template or plan.template_ids & templates or templates)[:1].code,
                "period": typed["period"] if typed["period"] in _PERIODS else "monthly",
            },
            "faults": faults,
            "suggestions": self._suggestions_for(typed["subdomain"]) if "subdomain" in faults else [],
            "suffix": self._suffix(),
            "opened": self.env["saas.instance.request"]._stamp(typed["opened"]),
            "minimum_s": self._minimum_s(),
            "terms_url": self._setting("terms_url"),
            "money": self._money,
            "about": self._about,
            "busy": self.env._("One moment…"),
            "captcha": self._captcha(),
        }

    @api.model
    def _captcha(self):
        """What the template `captcha` needs, if there is a driver; see `_check_human`."""
        return None

    def _usual(self, plans):
        return (plans.filtered("is_popular") or plans)[:1]

    @api.model
    def _tidy(self, typed):
        """The form's fields and no others, as text without surrounding spaces."""
        tidy = {name: " ".join(str(typed.get(name) or "").split())[:most] for name, most in _LONGEST.items()}
        tidy.update({name: str(typed.get(name) or "")[:64] for name in (*_CHOICES, "change")})
        tidy["opened"] = str(typed.get("opened") or "")[:200]
        tidy["customer_email"] = tidy["customer_email"] or str(typed.get("email") or "")[:254]
        tidy["company_name"] = tidy["company_name"] or str(typed.get("company") or "")[:100]
        # A suggestion's button, pressed without a script.
        tidy["subdomain"] = (str(typed.get("instead") or "")[:50] or tidy["subdomain"]).lower()
        return tidy

    # ------------------------------------------------------------ subdomains

    @api.model
    def _judge(self, subdomain, company=""):
        """The live check: whether it can be had, a sentence about it, and others like it."""
        if company and not subdomain:
            subdomain = (self._suggestions_for(company) or [""])[0]
        fault = self._fault_of_subdomain(subdomain)
        return {
            "subdomain": subdomain,
            "available": not fault,
            "sentence": fault or self.env._("%s is free.", subdomain),
            "suggestions": self._suggestions_for(subdomain) if fault and subdomain else [],
        }

    def _suggestions_for(self, text):
        return self.env["saas.instance"]._suggestions(text) if text else []

    def _fault_of_subdomain(self, subdomain, but=None):
        """A sentence in the visitor's language, or None."""
        instances = self.env["saas.instance"]
        if not subdomain:
            return self.env._("Choose the address of your Odoo.")
        if len(subdomain) < 3:
            return self.env._("Please use at least 3 characters.")
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", subdomain) or len(subdomain) > 50:
            return self.env._("Please use only the letters a to z, digits, and single dashes between them.")
        if subdomain.isdigit():
            return self.env._("Please use at least one letter.")
        if instances._is_taken(subdomain) or instances._objection_by_api(subdomain):
            return self.env._("%s is taken.", subdomain)
        return None

    @api.model
    def _count_check(self, address):
        self.env["saas.api.count"]._hit(f"signup check {address}", _CHECKS_AN_HOUR).check()

    # ------------------------------------------------------------ what was sent

    @api.model
    def _take(self, typed, address, change=None):
        """Keep what was asked for as a draft and send the mail. Raises SignupFaults.

        change: the reference of this visitor's own draft that is meant.
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
            return requests._sign_up_on_page(self._values(tidy), address, change)
        except ApiError as error:
            raise SignupFaults(
                error.problem.details.get("fields") or {"": self._sentence_of(error)}
            ) from error

    def _sentence_of(self, error):
        if error.problem.status == 429:
            return self.env._("That was a lot at once. Please try again in an hour.")
        return error.problem.sentence

    def _faults(self, tidy):
        found = {
            "company_name": not tidy["company_name"] and self.env._("What is your company called?"),
            "customer_name": not tidy["customer_name"] and self.env._("What is your name?"),
            "customer_email": self._fault_of_email(tidy["customer_email"]),
            "subdomain": self._fault_of_subdomain(tidy["subdomain"]),
            **self._faults_of_choices(tidy),
        }
        return {name: fault for name, fault in found.items() if fault}

    def _fault_of_email(self, email):
        try:
            gateway.check_email(email)
        except (UserError, ValidationError):
            return self.env._("Please type an email address such as ann@company.com.")
        if not email_normalize(email):
            return self.env._("Please check this email address.")
        if self.env["saas.instance.request"]._is_disposable(email):
            return self.env._("Please use an address you keep: this one belongs to a throw-away mailbox.")
        return None

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
            **{name: tidy[name] for name in _LONGEST},
            "customer_email": tidy["customer_email"].lower(),
            "plan_id": plan.id,
            "template_id": template.id,
            "period": tidy["period"] if tidy["period"] in _PERIODS else "monthly",
            "language_id": self.env["res.lang"]._get_data(code=self.env.lang or "en_US").id,
            "company_id": self.env.company.id,
        }

    # ------------------------------------------------------------ requests

    @api.model
    def _find(self, reference):
        """The request of that reference; an empty one if there is none."""
        domain = [("reference", "=", reference), ("source", "=", "signup")]
        return self.env["saas.instance.request"].search(domain)

    @api.model
    def _find_by_token(self, token):
        return self.env["saas.instance.request"]._find_by_token(token)

    @api.model
    def _typed_before(self, reference):
        asked = self._find(reference).filtered(lambda it: it.state == "draft")
        if not asked:
            return {}
        choices = {"plan": asked.plan_id.code, "template": asked.template_id.code, "period": asked.period}
        return {**{name: asked[name] for name in _LONGEST}, **choices, "change": reference}

    @api.model
    def _picture(self, template):
        found = self._templates().filtered(lambda it: it.id == template and it.image_256)
        return self.env["ir.binary"]._get_image_stream_from(found, "image_256") if found else None
