"""The signup page: what it offers, which names can be had, whose request is whose."""

from odoo import api, models

from ..faults import SignupFaults

LONGEST = {"company_name": 100, "customer_name": 100, "customer_email": 254, "subdomain": 50}
_CHOICES = ("plan", "template", "period")
_CHECKS_AN_HOUR = 600
_MINIMUM_S = 2
CAP_PER_HOUR = 200
PERIODS = ("monthly", "yearly")


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
        template = (template or plan.template_ids & templates or templates)[:1]
        return {
            "plans": plans,
            "templates": templates,
            "typed": {
                **typed,
                "subdomain": typed["subdomain"] or (self._suggestions_for(typed["company_name"]) or [""])[0],
                "plan": plan.code,
                "template": template.code,
                "period": typed["period"] if typed["period"] in PERIODS else "monthly",
            },
            "faults": faults,
            "suggestions": self._suggestions_for(typed["subdomain"]) if "subdomain" in faults else [],
            "suffix": self._suffix(template),
            "opened": self.env["saas.instance.request"]._stamp(typed["opened"]),
            "minimum_s": self._minimum_s(),
            "terms_url": self._setting("terms_url"),
            "money": self._money,
            "about": self._about,
            "busy": self.env._("One moment…"),
            "captcha": self._captcha(),
        }

    def _usual(self, plans):
        return (plans.filtered("is_popular") or plans)[:1]

    @api.model
    def _tidy(self, typed):
        """The form's fields and no others, as text without surrounding spaces."""
        tidy = {name: " ".join(str(typed.get(name) or "").split())[:most] for name, most in LONGEST.items()}
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

    def _fault_of_subdomain(self, subdomain):
        """A sentence in the visitor's language, or None."""
        if not subdomain:
            return self.env._("Choose the address of your Odoo.")
        objection = self.env["saas.instance"]._objection(subdomain)
        return str(objection) if objection else None

    def _refusal_of_subdomain(self, subdomain):
        """The SignupFaults that says why it cannot be had, or None."""
        fault = self._fault_of_subdomain(subdomain)
        return SignupFaults({"subdomain": fault}, self._suggestions_for(subdomain)) if fault else None

    @api.model
    def _count_check(self, address):
        self.env["saas.api.count"]._hit(f"signup check {address}", _CHECKS_AN_HOUR).check()

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
        return {**{name: asked[name] for name in LONGEST}, **choices, "change": reference}

    @api.model
    def _picture(self, template):
        found = self._templates().filtered(lambda it: it.id == template and it.image_256)
        return self.env["ir.binary"]._get_image_stream_from(found, "image_256") if found else None
