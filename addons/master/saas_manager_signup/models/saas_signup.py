"""The signup page: what it offers, which names are available, and which requests are a browser's own."""

import re

from odoo import api, models
from odoo.tools.misc import babel_locale_parse

from ..faults import SignupFaults

LONGEST = {"company_name": 100, "customer_name": 100, "customer_email": 254, "subdomain": 50}
_CHOICES = ("plan", "template", "period", "country", "tz")
_REGION = re.compile(r"[-_]([A-Za-z]{2})$")
"""The country in the code of a language, such as fr-FR or zh-Hans-CN."""
_CHECKS_AN_HOUR = 600
_MINIMUM_S = 2
CAP_PER_HOUR = 200
PER_ADDRESS = 5
PERIODS = ("monthly", "yearly")


class SaasSignup(models.AbstractModel):
    _name = "saas.signup"
    _description = "SaaS Signup Page"

    # ------------------------------------------------------------ the offer

    @api.model
    def _is_open(self):
        return not (self._setting("closed") or self._mail_obstacle()) and bool(
            self._templates() and self._plans()
        )

    @api.model
    def _mail_obstacle(self):
        """Why visitors could not get the mail that confirms their address; "" if they can."""
        return self.env["saas.provider"]._mail_obstacle(self.env.company)

    @api.model
    def _closed_values(self):
        """The values for the page of a closed signup; operators read why it is closed."""
        is_operator = self.env.user.has_group("saas_manager.group_saas_administrator")
        return {"obstacle": self._mail_obstacle() if is_operator else ""}

    @api.model
    def _setting(self, name):
        # sudo: a setting
        return self.env["ir.config_parameter"].sudo().get_param(f"saas_signup.{name}")

    @api.model
    def _minimum_s(self):
        """The minimum time to fill in the form, in seconds; programs are faster."""
        return int(self._setting("minimum_s") or _MINIMUM_S)

    @api.model
    def _cap_per_hour(self):
        """The number of signups per hour, on the page and by API together. 0: no limit."""
        return int(self._setting("cap_per_hour") or CAP_PER_HOUR)

    @api.model
    def _per_address(self):
        """The number of requests per hour from one network address. 0: no limit."""
        return int(self._setting("per_address_per_hour") or PER_ADDRESS)

    @api.model
    def _plans(self):
        """The plans that are shown, and have a template to choose."""
        found = self.env["saas.plan"].search(self.env["saas.instance.request"]._for_sale())
        templates = self._templates()
        return found.filtered(lambda plan: not plan.template_ids or plan.template_ids & templates)

    @api.model
    def _templates(self):
        """The templates that are shown and ready."""
        domain = [*self.env["saas.instance.request"]._for_sale(), ("is_template_ready", "=", True)]
        return self.env["saas.template"].search(domain)

    @api.model
    def _form_values(self, typed, faults):
        plans, templates, typed = self._plans(), self._templates(), self._tidy(typed)
        plan = plans.filtered(lambda it: it.code == typed["plan"]) or self._default_plan(plans)
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
                "country": typed["country"] or self._guessed_country(typed["tz"]),
            },
            "countries": self.env["res.country"]._saas_choices(),
            "choose_country": self.env._("Choose your country"),
            "language_note": self._language_note,
            "faults": faults,
            "suggestions": self._suggestions_for(typed["subdomain"]) if "subdomain" in faults else [],
            "suffix": self._suffix(template),
            "opened": self.env["saas.instance.request"]._stamp(typed["opened"]),
            "minimum_s": self._minimum_s(),
            "terms_url": self._setting("terms_url"),
            "money": self._money,
            "about": self._about,
            "captcha": self._captcha(),
        }

    def _default_plan(self, plans):
        return (plans.filtered("is_popular") or plans)[:1]

    @api.model
    def _tidy(self, typed):
        """The form's known fields, as text without surrounding spaces."""
        tidy = {name: " ".join(str(typed.get(name) or "").split())[:most] for name, most in LONGEST.items()}
        tidy.update({name: str(typed.get(name) or "")[:64] for name in (*_CHOICES, "change")})
        tidy["opened"] = str(typed.get("opened") or "")[:200]
        tidy["customer_email"] = tidy["customer_email"] or str(typed.get("email") or "")[:254]
        tidy["company_name"] = tidy["company_name"] or str(typed.get("company") or "")[:100]
        # the button of a suggestion, in a browser without JavaScript
        tidy["subdomain"] = (str(typed.get("instead") or "")[:50] or tidy["subdomain"]).lower()
        return tidy

    # ------------------------------------------------------------ countries and languages

    @api.model
    def _guessed_country(self, time_zone=""):
        """The code of the country of the browser's time zone, else of its languages, or ""."""
        countries = self.env["res.country"]
        accepted = self.env.context.get("saas_signup_accepted", ())
        regions = [region[1] for region in map(_REGION.search, accepted) if region]
        found = countries._saas_of_time_zone(time_zone) or countries._saas_of_code(next(iter(regions), ""))
        return found.code or ""

    @api.model
    def _language_note(self, template):
        """A sentence for a template that does not have this page's language; None if it has."""
        wanted = self._page_language()
        found = template._nearest_language(wanted)
        same = found.code and found.code.partition("_")[0] == wanted.code.partition("_")[0]
        if same:
            return None
        page = babel_locale_parse(wanted.code)
        other = babel_locale_parse(found.code).get_language_name(page) if found.code else None
        other = other or ", ".join(sorted(template._languages()))
        return self.env._("Your Odoo will be in %s: this one does not have the language of this page.", other)

    def _page_language(self):
        languages = self.env["res.lang"]
        return languages.browse(languages._get_data(code=self.env.lang or "en_US").id)

    # ------------------------------------------------------------ subdomains

    @api.model
    def _judge(self, subdomain, company=""):
        """The live check: whether the name is available, a sentence about it, and suggestions."""
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
        """The error of a subdomain in the visitor's language, or None."""
        if not subdomain:
            return self.env._("Choose the address of your Odoo.")
        objection = self.env["saas.instance"]._objection(subdomain)
        return str(objection) if objection else None

    def _refusal_of_subdomain(self, subdomain):
        """The SignupFaults with the reason why the subdomain is not available, or None."""
        fault = self._fault_of_subdomain(subdomain)
        return SignupFaults({"subdomain": fault}, self._suggestions_for(subdomain)) if fault else None

    @api.model
    def _count_check(self, address):
        self.env["saas.api.count"]._hit(f"signup check {address}", _CHECKS_AN_HOUR).check()

    # ------------------------------------------------------------ requests

    @api.model
    def _find(self, reference):
        """The request with that reference; an empty record if there is none."""
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
        choices = {
            "plan": asked.plan_id.code,
            "template": asked.template_id.code,
            "period": asked.period,
            "country": asked.country_id.code or "",
            "tz": asked.tz or "",
        }
        return {**{name: asked[name] for name in LONGEST}, **choices, "change": reference}

    @api.model
    def _picture(self, template):
        found = self._templates().filtered(lambda it: it.id == template and it.image_256)
        return self.env["ir.binary"]._get_image_stream_from(found, "image_256") if found else None
