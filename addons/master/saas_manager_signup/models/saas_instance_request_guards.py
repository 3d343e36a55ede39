"""Limits who may sign up, on the page and by API: people with a mailbox of their own, not too often."""

import time

from disposable_email_domains import blocklist
from odoo import api, models
from odoo.addons.saas_manager.exceptions import NoCapacity
from odoo.addons.saas_manager_api.exceptions import WrongValue
from odoo.tools import hash_sign, verify_hash_signed

from ..faults import NotHuman

_MAILS_AN_HOUR = 5
_POSTS_PER_SIGNUP = 10
"""For one confirmed signup: the relay's good name has a limit of its own, too."""
_STAMP = "saas_manager_portal.form"
"""As the addon was called first: forms that are open during an update stay good."""
_STAMP_KEPT_S = 86400


class SaasInstanceRequest(models.Model):
    _inherit = "saas.instance.request"

    def _count_of_all(self):
        """Raises TooMany: of all visitors together."""
        cap = self.env["saas.signup"]._cap_per_hour()
        if cap:
            self._count_signup("signup", _POSTS_PER_SIGNUP * cap)

    def _count_begun(self):
        """Raise NoCapacity after too many in this hour: the request waits for the next hour.

        Only confirmed addresses count, so that nobody can block signups for others.
        """
        cap = self.env["saas.signup"]._cap_per_hour()
        if not cap:
            return
        # sudo: visitors cannot read counts
        begun = self.env["saas.api.count"].sudo()._hit_if_done("signup begun", cap)
        if begun.count > cap:
            raise NoCapacity(
                self.env._(
                    "%s signed up in this hour, which is the limit. It continues in the next hour.", cap
                )
            )

    def _count_mail(self, email):
        """Raises TooMany: to this mailbox, whoever asks for the mails."""
        self._count_signup(f"signup mail {email.lower()}", _MAILS_AN_HOUR)

    @api.model
    def _check_mailbox(self, email):
        if self._is_disposable(email):
            sentence = self.env._("Please use an address you keep: this one belongs to a throw-away mailbox.")
            raise WrongValue(sentence, fields={"customer_email": sentence})

    @api.model
    def _is_disposable(self, email):
        """Whether its domain, or a parent domain, is known for throw-away mailboxes."""
        if self.env["saas.signup"]._setting("allow_disposable"):
            return False
        labels = email.lower().rpartition("@")[2].split(".")
        return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))

    # ------------------------------------------------------------ people and programs

    @api.model
    def _check_human(self, typed):
        """Raise NotHuman if a program seems to have sent the form; other captchas extend this.

        typed: all fields of the form, as they were sent.
        """
        pages = self.env["saas.signup"]
        if pages._captcha_setting("enabled") and not pages._is_solved(str(typed.get("altcha") or "")):
            raise NotHuman(
                self.env._("Please wait until the check above the button is done, then send it once more.")
            )
        if typed.get("homepage"):
            raise NotHuman(self.env._("This could not be accepted. Please send it once more."))
        open_s = time.time() - self._stamped_at(typed.get("opened") or "")
        if open_s > _STAMP_KEPT_S:
            raise NotHuman(self.env._("This page was open for a long time. Please send it once more."))
        if open_s < pages._minimum_s():
            raise NotHuman(self.env._("That was very fast. Please send it once more."))

    @api.model
    def _stamp(self, earlier=""):
        """The time when the form was first shown, signed: corrections may be faster than the first try."""
        if time.time() - self._stamped_at(earlier) < _STAMP_KEPT_S:
            return earlier
        # sudo: the secret for the signature
        return hash_sign(self.sudo().env, _STAMP, [time.time()])

    def _stamped_at(self, stamp):
        """The time in a stamp; 0 if its signature is not ours."""
        try:
            (moment,) = verify_hash_signed(self.sudo().env, _STAMP, stamp) or [0]
        except ValueError:
            return 0
        return moment
