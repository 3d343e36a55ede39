"""A6, W1: signing up, with a publishable key or on the page; the visitor must confirm their address first."""

from odoo import api, fields, models
from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.exceptions import NoCapacity
from odoo.addons.saas_manager_api.exceptions import DeadLink, WrongValue
from odoo.exceptions import UserError
from odoo.tools import hash_sign, verify_hash_signed

VERIFY = "saas_manager.mail_template_verify_email"
_SCOPE = "saas_manager_api.signup"
"""The purpose of the signatures in mails; never change it, so that links that were sent stay valid."""
_CONFIRM_WITHIN_H = 48
NO_ADDRESS = "unknown"
"""In a count's name, for visitors of whom no network address is known."""


class SaasInstanceRequest(models.Model):
    _inherit = "saas.instance.request"

    link_sent_at = fields.Datetime(
        readonly=True, copy=False, help="When the mail that asks for a confirmation was last sent."
    )

    link_job = fields.Char(
        readonly=True,
        copy=False,
        help="The UUID of the job that sends this mail; it tells what became of it.",
    )

    @api.model
    def _ask_by_api(self, caller, values):
        """With a publishable key, confirm the address first."""
        if not caller.is_publishable:
            return super()._ask_by_api(caller, values)
        self.env["saas.instance"]._check_free(values["subdomain"])
        # The request's own fields record who asked for what and when, so it needs no message in the chatter.
        return self.with_context(tracking_disable=True)._sign_up_by_api(caller, values)

    @api.model
    def _sign_up_by_api(self, caller, values):
        if self.env["saas.signup"]._mail_obstacle():
            raise NoCapacity(self.env._("Nobody can sign up right now. Please try again later."))
        self._check_only_address(values)
        key = {"publishable_key_id": caller.publishable_id, "company_id": caller.company_id}
        request = self._sign_up({**values, **key}, caller.address)
        request.api_caller = caller.fingerprint
        return request

    @api.model
    def _check_only_address(self, values):
        """A key that everybody can read must send mails only to the address that is confirmed."""
        admin = gateway.tidy_email(values.get("admin_email") or values["customer_email"])
        if admin != gateway.tidy_email(values["customer_email"]):
            sentence = self.env._("With a publishable key, the administrator's address is the customer's.")
            raise WrongValue(sentence, fields={"admin_email": sentence})

    @api.model
    def _sign_up(self, values, address, is_limited=True):
        """Create a draft, and send a mail to the customer.

        address: where the wish came from, whichever door it came through; all without one count as one.
        is_limited: False for operators, who have only the limit of each mailbox. Raises TooMany, and
        WrongValue for a throw-away mailbox.
        """
        self._check_mailbox(values["customer_email"])
        limit = self.env["saas.signup"]._per_address()
        if is_limited and limit:
            self._count_signup(f"signup {address or NO_ADDRESS}", limit)
        request = self.create({**values, "source": "signup"})
        request._send_link()
        self._count_mail(values["customer_email"])
        if is_limited:
            self._count_of_all()
        return request

    def _send_link(self):
        self._emit("request.unconfirmed")
        self.write({"link_sent_at": fields.Datetime.now(), "link_job": self._mail_job(VERIFY).uuid})

    def _count_signup(self, bucket, limit):
        # sudo: visitors cannot read counts
        self.env["saas.api.count"].sudo()._hit_if_done(bucket, limit).check()

    def _is_mail_due(self, template):
        if template == VERIFY:
            return self.state == "draft"
        return super()._is_mail_due(template)

    def _mail_secrets(self, template):
        if template != VERIFY or self.source != "signup":
            return super()._mail_secrets(template)
        return {"verification_url": self._verification_url()}

    def _token(self):
        """Proves the address; it is invalid once the request has another address."""
        # sudo: the secret for the signature
        bound = [self.reference, self.customer_email]
        return hash_sign(self.sudo().env, _SCOPE, bound, expiration_hours=_CONFIRM_WITHIN_H)

    @api.model
    def _find_by_token(self, token):
        """The request whose mail had this token. Raises DeadLink if it is wrong or too old."""
        # sudo: the token grants access to the request
        requests = self.sudo()
        try:
            reference, email = verify_hash_signed(requests.env, _SCOPE, token) or (None, None)
        except (ValueError, IndexError, UserError):
            reference, email = None, None
        found = requests.search([("reference", "=", reference), ("customer_email", "=", email)])
        if not found:
            raise DeadLink(self.env._("This link is not valid any more. Please sign up again."))
        return found

    def _confirm(self):
        """The address is confirmed: create the instance. Confirming twice creates it once."""
        self.ensure_one()
        if self.state == "draft":
            self._count_begun()
            self.with_company(self.company_id).action_submit()

    @api.autovacuum
    def _gc_unconfirmed(self):
        """Delete requests that were not confirmed before their links expired."""
        before = fields.Datetime.subtract(fields.Datetime.now(), hours=_CONFIRM_WITHIN_H)
        domain = [
            ("source", "=", "signup"),
            ("state", "=", "draft"),
            ("link_sent_at", "<", before),
        ]
        self.search(domain).unlink()
