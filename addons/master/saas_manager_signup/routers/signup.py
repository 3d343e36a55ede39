"""`/api/signup/confirm`: the target of the link in the mail (A6)."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from odoo.addons.saas_manager_api.dependencies import Env
from odoo.addons.saas_manager_api.faults import TOKEN
from odoo.addons.saas_manager_api.openapi import OPEN
from odoo.addons.saas_manager_api.routers.common import refusals
from odoo.addons.saas_manager_api.schemas import Told

router = APIRouter(prefix="/signup", tags=["signup"])


class Confirmed(Told):
    request_id: str
    state: str


Token = Annotated[str, Query(min_length=1, max_length=500, pattern=TOKEN)]
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
_REFUSALS = {status: refusals(409)[status] for status in (400, 403, 409, 413, 415, 422, 429, 500, 503)}
_PAGE = {200: {"content": {"text/html": {}}}}


@router.get("/confirm", response_model=None, responses={**_REFUSALS, **_PAGE}, openapi_extra=OPEN)
async def confirmation_page(token: Token, env: Env) -> HTMLResponse:
    """The page behind the link, with a button: mail scanners open links, but do not press buttons."""
    return _page(env, env["saas.instance.request"]._find_by_token(token))


@router.post("/confirm", responses={**_REFUSALS, **_PAGE}, openapi_extra=OPEN)
async def confirm(token: Token, env: Env, http: Request) -> Confirmed:
    """The button: the address is confirmed, and the instance is created."""
    request = env["saas.instance.request"]._find_by_token(token)
    request._confirm()
    if "text/html" in http.headers.get("accept", ""):
        return _page(env, request)
    return Confirmed(request_id=request.reference, state=request.state)


def _page(env, request):
    # sudo: a public page for everybody who has the link
    values = {"asked": request, "lang": (env.lang or "en_US").replace("_", "-")}
    html = env["ir.qweb"].sudo()._render("saas_manager_signup.confirmation_page", values)
    return HTMLResponse(f"<!DOCTYPE html>{html}", headers={"Content-Security-Policy": _POLICY})
