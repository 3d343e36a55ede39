"""A6, W1: who signs up, with a publishable key or on the page, first proves that the address is theirs."""

from odoo import api, fields, models
from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager_api.exceptions import DeadLink, WrongValue
from odoo.exceptions import UserError
from odoo.tools import hash_sign, verify_hash_signed

_VERIFY = "saas_manager.mail_template_verify_email"
_SCOPE = "saas_manager_api.signup"
"""What links in mails are signed for; it stays, so that those that were sent stay valid."""
_CONFIRM_WITHIN_H = 48
_AN_HOUR = 5
"""So many instances may be asked for from one address."""


class SaasInstanceRequest(models.Model):
    _inherit = "saas.instance.request"

    link_sent_at = fields.Datetime(
        readonly=True, copy=False, help="When the mail that asks for a confirmation was last sent."
    )

    @api.model
    def _ask_by_api(self, caller, values):
        """With a publishable key, ask for the address first."""
        if not caller.is_publishable:
            return super()._ask_by_api(caller, values)
        self.env["saas.instance"]._check_free(values["subdomain"])
        # The request itself tells who asked for what and when; nobody waits for chatter to say it again.
        return self.with_context(tracking_disable=True)._sign_up_by_api(caller, values)

    @api.model
    def _sign_up_by_api(self, caller, values):
        self._check_only_address(values)
        key = {"publishable_key_id": caller.publishable_id, "company_id": caller.company_id}
        request = self._sign_up({**values, **key}, caller.address)
        request.api_caller = caller.fingerprint
        return request

    @api.model
    def _check_only_address(self, values):
        """A key that everybody can read sends mails to no address but the one that is proved."""
        admin = gateway.tidy_email(values.get("admin_email") or values["customer_email"])
        if admin != gateway.tidy_email(values["customer_email"]):
            sentence = self.env._("With a publishable key, the administrator's address is the customer's.")
            raise WrongValue(sentence, fields={"admin_email": sentence})

    @api.model
    def _sign_up(self, values, address):
        """Keep it as a draft, and send a mail to the customer.

        address: where the wish came from, whichever door it came through.
        Raises TooMany, and WrongValue for a throw-away mailbox.
        """
        self._check_mailbox(values["customer_email"])
        self._count_signup(f"signup {address}", _AN_HOUR)
        request = self.create({**values, "source": "signup"})
        request._send_link()
        self._count_asked(values["customer_email"])
        return request

    def _send_link(self):
        self.link_sent_at = fields.Datetime.now()
        self._emit("request.unconfirmed")

    def _count_signup(self, bucket, limit):
        # sudo: visitors read no counts.
        self.env["saas.api.count"].sudo()._hit_if_done(bucket, limit).check()

    def _is_mail_due(self, template):
        if template == _VERIFY:
            return self.state == "draft"
        return super()._is_mail_due(template)

    def _mail_secrets(self, template):
        if template != _VERIFY or self.source != "signup":
            return super()._mail_secrets(template)
        return {"verification_url": self._verification_url()}

    def _token(self):
        """What proves the address; it is worth nothing once the request has another one."""
        # sudo: the secret it is signed with.
        bound = [self.reference, self.customer_email]
        return hash_sign(self.sudo().env, _SCOPE, bound, expiration_hours=_CONFIRM_WITHIN_H)

    @api.model
    def _find_by_token(self, token):
        """Whose mail bore this token. Raises DeadLink for one that is wrong or too old."""
        # sudo: the token is the right to it.
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
        """The address is theirs: create what they asked for. Confirmed twice, it is created once."""
        self.ensure_one()
        if self.state == "draft":
            self._count_begun()
            self.with_company(self.company_id).action_submit()

    @api.autovacuum
    def _gc_unconfirmed(self):
        """Nobody confirmed them, and their links are dead."""
        before = fields.Datetime.subtract(fields.Datetime.now(), hours=_CONFIRM_WITHIN_H)
        domain = [
            ("source", "=", "signup"),
            ("state", "=", "draft"),
            ("link_sent_at", "<", before),
        ]
        self.search(domain).unlink()
