"""Adds the webhooks' messages to the API's document."""

from odoo import models

from .. import document

_TAG = {"name": "webhooks", "description": "The messages that we send to the operator's endpoints."}


class FastapiEndpoint(models.Model):
    _inherit = "fastapi.endpoint"

    def _prepare_fastapi_app_params(self):
        params = super()._prepare_fastapi_app_params()
        if self.app != "saas":
            return params
        tags = [*params["openapi_tags"], _TAG]
        return {**params, "openapi_tags": tags, "webhooks": document.router}
