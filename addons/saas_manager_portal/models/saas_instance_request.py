"""W1: a request from the signup page, until its address is confirmed."""

import time
from urllib.parse import quote, urlsplit

from odoo import api, models
from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.exceptions import SubdomainTaken
from odoo.addons.saas_manager_api.errors import ApiError
from odoo.exceptions import UserError, ValidationError
from odoo.tools import hash_sign, verify_hash_signed

from ..faults import NotHuman, SignupFaults

_VERIFY = "saas_manager.mail_template_verify_email"
_MAILS_AN_HOUR = 5
_STAMP = "saas_manager_portal.form"
_STAMP_KEPT_S = 86400


class SaasInstanceRequest(models.Model):
    _inherit = "saas.instance.request"

    @api.model
    def _check_human(self, typed):
        """Raise NotHuman if a program seems to have sent the form; drivers of captchas extend it."""
        if typed.get("homepage"):
            raise NotHuman(self.env._("This could not be accepted. Please send it once more."))
        try:
            opened_at = verify_hash_signed(self.sudo().env, _STAMP, typed.get("opened") or "") or [0]
        except ValueError:
            opened_at = [0]
        if time.time() - opened_at[0] > _STAMP_KEPT_S:
            raise NotHuman(self.env._("This page was open for a long time. Please send it once more."))
        if time.time() - opened_at[0] < self.env["saas.signup"]._minimum_s():
            raise NotHuman(self.env._("That was very fast. Please send it once more."))

    @api.model
    def _stamp(self):
        """When the form was shown, signed."""
        # sudo: the secret it is signed with.
        return hash_sign(self.sudo().env, _STAMP, [time.time()])

    @api.model
    def _sign_up_on_page(self, values, address, change=None):
        """Keep it as a draft and send a mail; sent again, it is the same draft. Raises ApiError."""
        self._count_signup(f"signup mail {values['customer_email']}", _MAILS_AN_HOUR)
        draft = self._draft_of(values, change)
        if not draft:
            return self._sign_up(values, address)
        draft.write(values)
        draft._send_again(address)
        return draft

    def _draft_of(self, values, change):
        same = [("customer_email", "=", values["customer_email"]), ("subdomain", "=", values["subdomain"])]
        domain = [("reference", "=", change)] if change else same
        mine = [("source", "=", "signup"), ("state", "=", "draft"), ("publishable_key_id", "=", False)]
        return self.search([*domain, *mine], limit=1)

    def _send_again(self, address):
        """Send the mail anew; False after too many."""
        self.ensure_one()
        try:
            self._count_signup(f"signup again {address}", _MAILS_AN_HOUR)
            self._count_signup(f"signup again {self.reference}", _MAILS_AN_HOUR)
        except ApiError:
            return False
        self._enqueue_mail(_VERIFY)
        return True

    def _verification_url(self):
        return f"{self.get_base_url()}/signup/confirm?token={quote(self._token())}"

    def _masked_email(self):
        name, _at, domain = self.customer_email.partition("@")
        return f"{name[:1]}•••@{domain}"

    # ------------------------------------------------------------ confirmation

    def _confirmation_values(self, subdomain, faults):
        """What the page of the mail's link shows; a name that was taken meanwhile is told at once."""
        pages = self.env["saas.signup"]
        chosen = (subdomain or self.subdomain).strip().lower()
        fault = faults.get("subdomain") or pages._fault_of_subdomain(chosen)
        return {
            "asked": self,
            "chosen": chosen,
            "faults": {"subdomain": fault} if fault else {},
            "suggestions": pages._suggestions_for(self.subdomain) if fault else [],
            "suffix": pages._suffix(),
        }

    def _address(self):
        """Where it is or will be, as people say it."""
        return urlsplit(self._url()).netloc

    def _url(self):
        return self.instance_id.url or gateway.url_of(self.subdomain)

    def _confirm_on_page(self, subdomain=None):
        """Create it. Raises SignupFaults when the name is not to be had any more."""
        self.ensure_one()
        if self.state != "draft":
            return
        chosen = (subdomain or self.subdomain).strip().lower()
        fault = self.env["saas.signup"]._fault_of_subdomain(chosen)
        if fault:
            raise SignupFaults({"subdomain": fault})
        self.subdomain = chosen
        self._begin_or_wait()

    def _begin_or_wait(self):
        """Begin; what cannot begin now is kept for the operators, who are told."""
        try:
            with self.env.cr.savepoint():
                self._confirm()
        except (SubdomainTaken, ValidationError) as error:
            raise SignupFaults({"subdomain": self.env._("%s is taken.", self.subdomain)}) from error
        except UserError as error:
            self._move("submit")
            self._instance_did_not_begin(str(error))

    def _instance_did_not_begin(self, reason):
        self._move("fail", error=reason)
        self._alert_operators(reason)
