"""W1: a request from the signup page, until its address is confirmed."""

from urllib.parse import quote, urlsplit

from odoo import api, models
from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.exceptions import SubdomainTaken
from odoo.addons.saas_manager_api.exceptions import TooMany
from odoo.exceptions import UserError
from odoo.tools import plaintext2html

from ..faults import SignupFaults
from .saas_instance_request_signup import NO_ADDRESS, VERIFY

_WARNING = "mail.mail_activity_data_warning"
_AGAIN_AN_HOUR = 10
_DELAYED = [("source", "=", "signup"), ("state", "=", "failed"), ("instance_id", "=", False)]
"""Confirmed requests that could not begin: a job retries them, and people are told so."""


class SaasInstanceRequest(models.Model):
    _inherit = "saas.instance.request"

    @api.model
    def _sign_up_on_page(self, values, own=(), change=None, **visitor):
        """Keep it as a draft and send a mail; sent again, it is the same draft.

        own: the references of what the same browser asked for; nobody else's draft is touched, whatever
        address they type. change: the one of them that is meant, if they said so.
        visitor: see `_sign_up`. Raises TooMany, and WrongValue for a throw-away mailbox.
        """
        draft = self._draft_of(values, own, change)
        if not draft:
            return self._sign_up(values, **visitor)
        self._check_mailbox(values["customer_email"])
        self._count_again(values["customer_email"], **visitor)
        draft.write(values)
        draft._send_link()
        return draft

    def _draft_of(self, values, own, change):
        same = [("customer_email", "=", values["customer_email"]), ("subdomain", "=", values["subdomain"])]
        domain = [("reference", "=", change)] if change in own else same
        mine = [("reference", "in", list(own)), ("source", "=", "signup"), ("state", "=", "draft")]
        return self.search([*domain, *mine], limit=1)

    def _send_again(self, **visitor):
        """Send the mail again; return False after too many. visitor: see `_sign_up`."""
        self.ensure_one()
        try:
            self._count_again(self.customer_email, **visitor)
        except TooMany:
            return False
        self._send_link()
        # One that waits for the mail server is not queued twice, but tried at once.
        self._mail_job(VERIFY).filtered(lambda job: job.state == "pending").eta = False
        return True

    def _count_again(self, email, address, is_limited=True):
        """Raises TooMany. address, is_limited: as in `_sign_up`."""
        if is_limited:
            self._count_signup(f"signup again {address or NO_ADDRESS}", _AGAIN_AN_HOUR)
        self._count_mail(email)

    def _verification_url(self):
        return f"{self.get_base_url()}/signup/confirm?token={quote(self._token())}"

    def _masked_email(self):
        name, _at, domain = self.customer_email.partition("@")
        return f"{name[:1]}•••@{domain}"

    # ------------------------------------------------------------ confirmation

    def _confirmation_values(self, subdomain, refused=None):
        """The values for the page behind the mail's link, with an error if the name was taken meanwhile.

        refused: the SignupFaults raised by the page's button.
        """
        pages = self.env["saas.signup"]
        chosen = (subdomain or self.subdomain).strip().lower()
        refused = refused or pages._refusal_of_subdomain(chosen)
        return {
            "asked": self,
            "chosen": chosen,
            "faults": refused.by_field if refused else {},
            "suggestions": refused.suggestions if refused else [],
            "suffix": pages._suffix(self.template_id),
        }

    def _address(self):
        """The address of the instance, existing or not, without the protocol."""
        return urlsplit(self._url()).netloc

    def _instance_origin(self):
        """The origin of the instance's address, as a content security policy names it."""
        url = urlsplit(self._url())
        return f"{url.scheme}://{url.netloc}"

    def _url(self):
        # sudo: visitors cannot see servers, only the address
        server = self.sudo().instance_id.server_id or self.sudo().template_id.server_id
        return self.instance_id.url or gateway.url_of(self.subdomain, server)

    def _confirm_on_page(self, subdomain=None):
        """Create the instance. Raises SignupFaults if the name is not available any more."""
        self.ensure_one()
        if self.state != "draft":
            return
        chosen = (subdomain or self.subdomain).strip().lower()
        refused = self.env["saas.signup"]._refusal_of_subdomain(chosen)
        if refused:
            raise refused
        self.subdomain = chosen
        self._begin_or_wait()

    def _begin_or_wait(self):
        """Begin; if that is not possible now, keep the request and notify operators."""
        try:
            with self.env.cr.savepoint():
                self._confirm()
        except SubdomainTaken as error:
            raise SignupFaults({"subdomain": str(error)}, error.suggestions) from error
        except UserError as error:
            self._move("submit")
            self._move("fail", error=str(error))
            self._notify_of_delay()

    def _notify_of_delay(self):
        """Create an activity with the reason for each operator; it replaces an earlier one."""
        self.activity_unlink([_WARNING])
        for operator in self._operators():
            self.activity_schedule(
                _WARNING,
                user_id=operator.id,
                summary=self.env._("A confirmed signup waits"),
                note=plaintext2html(self.error),
            )

    def _is_delayed(self):
        return self.state == "failed" and bool(self.filtered_domain(_DELAYED))

    @api.model
    def _waiting_for(self, subdomain):
        """A query for the confirmed signup that will have this name once it can begin."""
        # sudo: signups of other companies reserve names, too
        return self.sudo()._search([*_DELAYED, ("subdomain", "=", subdomain)])

    @api.model
    def _cron_begin_delayed(self):
        """Begin confirmed signups that could not begin before, mostly for lack of capacity."""
        for delayed in self.search(_DELAYED, order="id").try_lock_for_update(allow_referencing=True):
            try:
                with self.env.cr.savepoint():
                    delayed._count_begun()
                    delayed.with_company(delayed.company_id).action_retry()
            except UserError as error:
                if str(error) != delayed.error:
                    delayed.error = str(error)
                    delayed._notify_of_delay()
