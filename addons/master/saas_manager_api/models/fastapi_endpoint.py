"""The application at `/api`."""

from fastapi import Depends
from odoo import api, fields, models
from pydantic import AnyUrl, TypeAdapter, ValidationError

from .. import openapi
from ..dependencies import accept_language
from ..routers import PUBLIC_PATHS, ROUTERS

_DESCRIPTION = """
Create and run Odoo instances.

**Keys.** Send one of Odoo's API keys with each request, as `Authorization: Bearer KEY` or `X-API-Key: KEY`.
It acts as the user it belongs to. A publishable key (`pk_...`) may stand in a web page: it signs up and
nothing else.

**Errors** have the right status and one form: `success` (false), `error` (a sentence), `error_code`,
`details`.

**Repetition.** A POST with an `Idempotency-Key` acts once in 24 hours, however often it is sent.

**Limits.** 100 requests an hour for each key, 600 for each address without one, unless set otherwise; see the
headers `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset`. Status 429 comes with `Retry-After`, in
seconds.

**Request ids.** Each answer bears `X-Request-ID`: yours, or a new one. It is in our log, too.
"""


class FastapiEndpoint(models.Model):
    _inherit = "fastapi.endpoint"

    app = fields.Selection(selection_add=[("saas", "SaaS")], ondelete={"saas": "cascade"})

    @api.model
    def _saas_routers(self):
        """The routes of `/api`; other addons extend this."""
        return ROUTERS

    @api.model
    def _saas_public_paths(self):
        """Paths that need no key, including all paths below them."""
        return PUBLIC_PATHS

    def _get_fastapi_routers(self):
        return list(self._saas_routers()) if self.app == "saas" else super()._get_fastapi_routers()

    def _get_app_dependencies_overrides(self):
        """None for ours: with any, FastAPI would inspect each dependency again for each request."""
        return {} if self.app == "saas" else super()._get_app_dependencies_overrides()

    def _get_fastapi_app_dependencies(self):
        return [Depends(accept_language)] if self.app == "saas" else super()._get_fastapi_app_dependencies()

    def _prepare_fastapi_app_params(self):
        params = super()._prepare_fastapi_app_params()
        if self.app != "saas":
            return params
        # The try-out page is our own route: it needs a login.
        return {
            **params,
            "version": "1",
            "description": _DESCRIPTION,
            "contact": self._contact(),
            "license_info": openapi.LICENSE,
            "openapi_tags": openapi.TAGS,
            "generate_unique_id_function": openapi.operation_id,
            "docs_url": None,
            "redoc_url": None,
            "redirect_slashes": False,
        }

    def _contact(self):
        """The contact in the document: the company's name and web site."""
        # sudo: the company's letters show them, too
        company = self.env["res.company"].sudo().search([], order="id", limit=1)
        site = company.website if _is_url(company.website) else self.get_base_url()
        return {"name": company.name, "url": site}

    def _get_app(self):
        app = super()._get_app()
        if self.app == "saas":
            describe = app.openapi
            app.openapi = lambda: openapi.complete(describe())
        return app

    def _get_routing_info(self):
        info = super()._get_routing_info()
        if self.app != "saas":
            return info
        # No methods: for a wrong method the API answers in its own form. No user: the dispatcher finds the
        # key's user.
        return {**info, "type": "saas_api", "auth": "none", "methods": None, "save_session": False}


def _is_url(text):
    """Whether the text is a valid URL for the document; the form accepts any text."""
    try:
        TypeAdapter(AnyUrl).validate_python(text)
    except ValidationError:
        return False
    return True
