"""`/api/signup.js`: a script for other web sites, so that their visitors can sign up (A6)."""

import gzip
from functools import cache
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response
from odoo.tools import file_open

router = APIRouter(include_in_schema=False)

_FILE = "saas_manager_signup/static/src/snippet.js"
_HEADERS = {
    # A module from another site is loaded with CORS, which Odoo's static files do not support.
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "public, max-age=3600",
    "Vary": "Accept-Encoding",
}


@router.get("/signup.js")
async def snippet(accept_encoding: Annotated[str, Header()] = "") -> Response:
    """The same for all visitors; it contains no key."""
    is_packed = "gzip" in accept_encoding
    headers = {**_HEADERS, "Content-Encoding": "gzip"} if is_packed else _HEADERS
    return Response(_content(is_packed), media_type="text/javascript", headers=headers)


@cache
def _content(is_packed):
    with file_open(_FILE, "rb") as file:
        content = file.read()
    return gzip.compress(content) if is_packed else content
