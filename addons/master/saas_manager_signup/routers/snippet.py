"""`/api/signup.js`: what other web sites load to let their visitors sign up (A6)."""

import gzip
from functools import cache
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response
from odoo.tools import file_open

router = APIRouter(include_in_schema=False)

_FILE = "saas_manager_signup/static/src/snippet.js"
_HEADERS = {
    # A module of another site is loaded with CORS, which Odoo's own static files do not speak.
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "public, max-age=3600",
    "Vary": "Accept-Encoding",
}


@router.get("/signup.js")
async def snippet(accept_encoding: Annotated[str, Header()] = "") -> Response:
    """The same for everybody; it holds no key."""
    is_packed = "gzip" in accept_encoding
    headers = {**_HEADERS, "Content-Encoding": "gzip"} if is_packed else _HEADERS
    return Response(_content(is_packed), media_type="text/javascript", headers=headers)


@cache
def _content(is_packed):
    with file_open(_FILE, "rb") as file:
        content = file.read()
    return gzip.compress(content) if is_packed else content
