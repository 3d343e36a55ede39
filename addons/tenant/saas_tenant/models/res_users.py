from odoo import SUPERUSER_ID, api, models
from odoo.addons.saas_agreed import GENERATED_ROUNDS
from odoo.exceptions import AccessDenied, UserError
from odoo.tools import SQL

_LEAST_CHARACTERS = 8
_UNUSED = f"$pbkdf2-sha512${GENERATED_ROUNDS}$%"


class ResUsers(models.Model):
    _inherit = "res.users"

    @api.model_create_multi
    def create(self, vals_list):
        with self.env["saas.entitlements"]._within_user_limit():
            return super().create(vals_list)

    def _create(self, data_list):
        """Check here, too: a server action can call this method directly."""
        with self.env["saas.entitlements"]._within_user_limit(flush=False):
            return super()._create(data_list)

    def _write_multi(self, vals_list):
        """Check here, too: a server action can call this method directly."""
        if not any(vals.keys() & {"active", "share"} for vals in vals_list):
            return super()._write_multi(vals_list)
        with self.env["saas.entitlements"]._within_user_limit(flush=False):
            return super()._write_multi(vals_list)

    def write(self, vals):
        if not vals.keys() & {"active", "group_ids", "share", "role"}:
            return super().write(vals)
        with self.env["saas.entitlements"]._within_user_limit():
            return super().write(vals)

    def _check_credentials(self, credential, env):
        """Refuse users without a seat, even if their credential is right."""
        info = super()._check_credentials(credential, env)
        entitlements = self.env["saas.entitlements"]
        if not entitlements._has_seat(self.env.user):
            raise AccessDenied(entitlements._no_seat_message())
        return info

    def _check_uid_passwd(self, uid, passwd):
        """Refuse users without a seat here, too: Odoo caches that a password was right."""
        result = super()._check_uid_passwd(uid, passwd)
        entitlements = self.env["saas.entitlements"]
        if not entitlements._has_seat(self.browse(uid)):
            raise AccessDenied(entitlements._no_seat_message())
        return result

    def _compute_session_token(self, sid):
        """Make the session of a user without a seat invalid; Odoo checks the token at each request.

        In superuser mode an administrator works as OdooBot, which needs no seat.
        """
        has_seat = self.id == SUPERUSER_ID or self.env["saas.entitlements"]._has_seat(self)
        return has_seat and super()._compute_session_token(sid)

    # ------------------------------------------------------------ the first password

    def _has_unused_password(self):
        """Whether the provider generated the password, and nobody ever logged in with it."""
        self.ensure_one()
        self.env.cr.execute(SQL("SELECT password LIKE %s FROM res_users WHERE id = %s", _UNUSED, self.id))
        return bool(self.env.cr.fetchone()[0])

    def _is_asked_for_password(self):
        """Whether to lead the user to the page; databases of older versions of this module lack it."""
        has_page = self.env.ref("saas_tenant.password_page", raise_if_not_found=False)
        return bool(has_page) and self._has_unused_password()

    def _minimal_password_length(self):
        """Ours, or that of Odoo's module for password policies, whichever is longer."""
        # sudo: a setting
        parameters = self.env["ir.config_parameter"].sudo()
        policy = parameters.get_param("auth_password_policy.minlength", default="")
        return max(_LEAST_CHARACTERS, int(policy) if policy.isdecimal() else 0)

    def _words_on_passwords(self, host):
        """What the page says about a password while it is typed."""
        minimum = self._minimal_password_length()
        return {
            "why": self.env._(
                "With it you log in again at %(host)s, as %(login)s.", host=host, login=self.login
            ),
            "short": self.env._("At least %s characters. A few words are easy to remember.", minimum),
            "good": self.env._("Long enough. Longer is stronger."),
            "strong": self.env._("Strong."),
            "differs": self.env._("The two passwords are not the same."),
        }

    def _choose_first_password(self, password, confirmation):
        """Set the user's own password. Raises UserError if it cannot be used."""
        self.ensure_one()
        password = password.strip()
        minimum = self._minimal_password_length()
        if len(password) < minimum:
            raise UserError(self.env._("Please use at least %s characters.", minimum))
        if password != confirmation.strip():
            raise UserError(self.env._("The two passwords are not the same."))
        if password.lower() in (self.login.lower(), self.login.partition("@")[0].lower()):
            raise UserError(self.env._("Please do not use your login as the password."))
        # sudo: users may change their own password, but not write their own record
        self.sudo()._change_password(password)

    # Odoo's module `auth_signup` defines it, too; it is loaded before this one, as its name comes first.
    def reset_password(self, login):
        """Say so if no mail can be sent: Odoo would claim that it has sent one."""
        if not self.env["ir.mail_server"]._saas_can_send():
            raise UserError(self.env["saas.entitlements"]._no_mail_message())
        return super().reset_password(login)

    def _action_reset_password(self, *arguments, **options):
        """Say so if an invitation cannot be sent: Odoo would list it as pending."""
        is_quiet = self.env.context.get("install_mode") or self.env.context.get("import_file")
        if is_quiet or self.env["ir.mail_server"]._saas_can_send():
            return super()._action_reset_password(*arguments, **options)
        message = self.env._(
            "No mail was sent to %s: this Odoo cannot send mails yet. Set a password for them (Actions, "
            "Change Password), or an outgoing mail server.",
            ", ".join(self.mapped("login")),
        )
        if not self.env.context.get("create_user"):
            raise UserError(message)
        facts = {"type": "warning", "sticky": True, "message": message}
        return self.env.user._bus_send("simple_notification", facts)
