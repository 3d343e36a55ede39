"""What the web client gets: its first page, and the engine's errors as a sentence and its remedy."""

from odoo import models
from odoo.exceptions import UserError
from odoo.http import request

from .. import gateway


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    def session_info(self):
        """Operators begin at the dashboard, not in a chat; who chose another home action keeps it."""
        info = super().session_info()
        if self.env.user.has_group("saas_manager.group_saas_user") and not info.get("home_action_id"):
            info["home_action_id"] = self.env.ref("saas_manager.saas_dashboard_action").id
        return info

    @classmethod
    def _dispatch(cls, endpoint):
        """Actions translate the engine's errors themselves where they know more; this is for all the others.

        Only for calls of the web client: the API has answers of its own.
        """
        try:
            return super()._dispatch(endpoint)
        except gateway.EngineError as error:
            if request.dispatcher.routing_type != "jsonrpc":
                raise
            raise UserError(gateway.sentence(error)) from error
