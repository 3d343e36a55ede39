from odoo import models


class ResUsersApikeys(models.Model):
    _inherit = "res.users.apikeys"

    def _check_credentials(self, *, scope, key):
        user = self.env["res.users"].browse(super()._check_credentials(scope=scope, key=key))
        return user.id if user and self.env["saas.entitlements"]._has_seat(user) else None
