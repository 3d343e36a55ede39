"""What the web client gets of the engine's errors: a sentence and its remedy."""

from odoo import models
from odoo.exceptions import UserError
from odoo.http import request

from .. import gateway


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

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
            # The call's own context is not known here, nor is the session's renewed with the user's language.
            raise UserError(gateway.sentence(error, request.env.user.lang)) from error
