"""`/api/docs`: the try-out page, for operators who are logged in to Odoo."""

from importlib import resources

from fastapi import APIRouter, HTTPException, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response
from odoo.exceptions import AccessError

from ..dependencies import Env

router = APIRouter(prefix="/docs", include_in_schema=False)

_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
_FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}


@router.get("")
async def docs(env: Env, http: Request) -> Response:
    """Swagger's page, with files from this server only: no other site's code runs in the operator's session.

    Other people's browsers get a page that says what they can do.
    """
    root = http.scope.get("root_path", "").rstrip("/")
    if not _may_read(env) and "text/html" in http.headers.get("accept", ""):
        return _refusal(env, root)
    _check_reader(env)
    page = get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title="API",
        swagger_js_url=f"{root}/docs/swagger-ui-bundle.js",
        swagger_css_url=f"{root}/docs/swagger-ui.css",
        swagger_favicon_url="data:,",
    )
    page.headers["Content-Security-Policy"] = _POLICY
    return page


@router.get("/{name}")
async def docs_file(name: str, env: Env) -> Response:
    _check_reader(env)
    if name not in _FILES:
        raise HTTPException(404)
    content = (resources.files("fastapi_offline") / "static" / name).read_bytes()
    return Response(content, media_type=_FILES[name])


def _is_open(env):
    # sudo: a setting
    return env["ir.config_parameter"].sudo().get_param("saas_api.docs_public")


def _may_read(env):
    return _is_open(env) or env.user.has_group("saas_manager.group_saas_user")


def _check_reader(env):
    if not _may_read(env):
        raise AccessError(env._("Log in to Odoo first."))


def _refusal(env, root):
    """For integrators: not all of them have a user in the back office."""
    is_nobody = env.user._is_public()
    values = {
        "login": f"/web/login?redirect={root}/docs" if is_nobody else None,
        "document": f"{root}/openapi.json",
        "lang": (env.lang or "en_US").replace("_", "-"),
    }
    # sudo: a page for everybody
    html = env["ir.qweb"].sudo()._render("saas_manager_api.docs_refused", values)
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    headers = {"Content-Security-Policy": policy}
    return HTMLResponse(f"<!DOCTYPE html>\n{html}", 401 if is_nobody else 403, headers=headers)
