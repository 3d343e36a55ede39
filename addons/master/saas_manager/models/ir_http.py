"""Operators begin at the dashboard, not in a chat; who chose another home action keeps it."""

from odoo import models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    def session_info(self):
        info = super().session_info()
        if self.env.user.has_group("saas_manager.group_saas_user") and not info.get("home_action_id"):
            info["home_action_id"] = self.env.ref("saas_manager.saas_dashboard_action").id
        return info
