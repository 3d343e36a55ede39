"""Paths of the API that Odoo's router does not accept."""

from odoo import models

_API = "/api/"


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _match(cls, path_info):
        """A line break ends a path for the router; the API answers that the path does not exist."""
        if path_info.startswith(_API):
            path_info = path_info.replace("\n", "\ufffd").replace("\r", "\ufffd")
        return super()._match(path_info)
