"""Let a customer in who cannot log in: a login link, a new password for the administrator, the welcome mail.

Each is done at once and not by a job, because its result may have to be shown; it changes no state. Secrets
are in the answer or in the mail, and nowhere else.
"""

from odoo import models
from odoo.exceptions import AccessError

from .. import gateway
from ..exceptions import InvalidState


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    def _send_login_link(self):
        """Mail each administrator a login link; the mail's job makes it."""
        self._check_gives_access()
        for instance in self:
            message = self.env._("%(operator)s sent a login link to %(address)s.", **instance._access_facts())
            instance._record_access("login_link", message)
            instance._emit("instance.login_link_asked")

    def _make_login_link(self):
        """Return a new login link, to be shown once. Its administrator is informed by mail."""
        self.ensure_one()
        self._check_gives_access(shows=True)
        # The login, not the name: users choose their names themselves.
        with gateway.translated(self.env):
            link = gateway.login_link(self, by=self.env.user.login)
        self._record_access(
            "login_link", self.env._("%(operator)s made a login link.", **self._access_facts())
        )
        self._emit("instance.access_given")
        return link.reveal()

    def _send_password_link(self):
        """End the administrator's password, and mail them a link to choose another."""
        self.ensure_one()
        self._check_gives_access()
        self._replace_password()
        message = self.env._(
            "%(operator)s reset the administrator's password and sent %(address)s a link to choose another.",
            **self._access_facts(),
        )
        self._record_access("reset_password", message)
        self._emit("instance.password_link_asked")

    def _reset_password(self):
        """Return the administrator's login and new password, to be shown once. They are informed by mail."""
        self.ensure_one()
        self._check_gives_access(shows=True)
        new = self._replace_password()
        message = self.env._("%(operator)s reset the administrator's password.", **self._access_facts())
        self._record_access("reset_password", message)
        self._emit("instance.access_given")
        return new.login, new.password.reveal()

    def _send_welcome_again(self):
        """Send the mails of a new instance again."""
        self._check_gives_access()
        for instance in self:
            message = self.env._(
                "%(operator)s sent the welcome mail to %(address)s again.", **instance._access_facts()
            )
            instance._record_access("welcome", message)
            instance._send_provisioning_email()

    # ------------------------------------------------------------ helpers

    def _check_gives_access(self, shows=False):
        """Raise AccessError unless managers ask, InvalidState unless each instance can be logged in to.

        shows: the operator sees the secret and could log in without the customer's consent, so only
        administrators may. Otherwise it is mailed, so there must be a way to mail.
        """
        self.check_access("write")
        if not (self.env.su or self.env.user.has_group("saas_manager.group_saas_manager")):
            raise AccessError(self.env._("Only SaaS managers may let customers in."))
        self._check_can(gateway.Ability.LOG_IN)
        if shows and not (self.env.su or self._may_see_access()):
            raise AccessError(
                self.env._("Only SaaS administrators may see a customer's login. Send it by mail instead.")
            )
        for instance in self:
            obstacle = self.env["saas.provider"]._mail_obstacle(instance.company_id)
            if obstacle and not shows:
                raise InvalidState(self.env._("No mail can be sent: %s", obstacle))
            if instance.state in ("suspended", "expired"):
                raise InvalidState(
                    self.env._("%s is suspended: nobody can log in. Reactivate it first.", instance.name)
                )
            if instance.state == "terminated":
                raise InvalidState(
                    self.env._("%s was terminated: there is nothing to log in to.", instance.name)
                )
            if instance.state != "active":
                raise InvalidState(self.env._("%s is not active.", instance.name))
            if instance.operation:
                raise InvalidState(
                    self.env._(
                        "Something is being done with %s already. Try again in a moment.", instance.name
                    )
                )
        self._check_is_running()

    def _may_see_access(self):
        return self.env.user.has_group("saas_manager.group_saas_administrator")

    def _replace_password(self):
        """Set a random password in the instance, and forget the one that was to be delivered."""
        with gateway.translated(self.env):
            new = gateway.reset_password(self)
        self._forget_password()
        return new

    def _forget_password(self):
        # sudo: users cannot write passwords
        self.sudo().admin_password_sealed = False

    def _access_facts(self):
        return {"operator": self.env.user.login, "address": self.admin_email}

    def _record_access(self, operation, message):
        """Note it in the log and in the messages, without any secret."""
        # sudo: users cannot write log lines
        self.env["saas.instance.log"].sudo().create(
            {
                "instance_id": self.id,
                "company_id": self.company_id.id,
                "operation": operation,
                "message": message,
            }
        )
        self.message_post(body=message)
