from odoo import SUPERUSER_ID, api, models
from odoo.exceptions import AccessDenied


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
