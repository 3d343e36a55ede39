"""The API's routes for signing up."""

from odoo import api, models

from ..routers import PUBLIC_PATHS, ROUTERS

_TAG = {"name": "signup", "description": "Where the link in the mail to somebody who signs up leads."}


class FastapiEndpoint(models.Model):
    _inherit = "fastapi.endpoint"

    @api.model
    def _saas_routers(self):
        return (*super()._saas_routers(), *ROUTERS)

    @api.model
    def _saas_public_paths(self):
        return (*super()._saas_public_paths(), *PUBLIC_PATHS)

    def _prepare_fastapi_app_params(self):
        params = super()._prepare_fastapi_app_params()
        if self.app != "saas":
            return params
        return {**params, "openapi_tags": [*params["openapi_tags"], _TAG]}
