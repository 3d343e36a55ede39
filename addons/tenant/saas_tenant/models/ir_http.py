from odoo import models
from odoo.http import request


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
        return super()._authenticate_explicit(auth)

    def session_info(self):
        info = super().session_info()
        if self.env.user._is_internal():
            support_by = request.session.get("saas_support_by")
            info["saas_banners"] = self.env["saas.banner"]._all(support_by)
        return info
