import time

from odoo import models
from odoo.http import request

_CHECKED_FOR_S = 5 * 60
"""Less than the ten minutes for which Odoo trusts that the user has just entered their password."""


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _authenticate_explicit(cls, auth):
        """End a support session by Odoo's own deletion time, which also ends websockets and open pages.

        It is set at each request, because Odoo removes it when it renews a session.
        """
        ends_at = request.session.get("saas_support_ends_at")
        if ends_at and request.session.get("deletion_time") != ends_at:
            request.session["deletion_time"] = ends_at
        result = super()._authenticate_explicit(auth)
        if request.session.get("saas_by_link"):
            cls._trust_without_password()
        return result

    @classmethod
    def _trust_without_password(cls):
        """Do not ask for the current password in a session by a link, as long as nobody ever knew one."""
        session = request.session
        is_due = session.get("identity-check-last", 0) < time.time() - _CHECKED_FOR_S
        if not (is_due and session.uid and request.env.uid == session.uid):
            return
        if request.env.user._has_unused_password():
            session["identity-check-last"] = time.time()
        else:
            session.pop("saas_by_link")

    def session_info(self):
        info = super().session_info()
        if self.env.user._is_internal():
            support_by = request.session.get("saas_support_by")
            info["saas_banners"] = self.env["saas.banner"]._all(support_by)
            info["saas_welcome"] = None if support_by else self.env["saas.welcome"]._for_user()
            info["home_action_id"] = info.get("home_action_id") or self.env["saas.welcome"]._home_action()
        return info
