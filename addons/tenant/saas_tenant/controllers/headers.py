"""Render our own pages: not kept, not indexed, not framed, and leaving no trace at other sites."""

from odoo.http import request

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
}


def page(template, values, status=200):
    answer = request.render(template, {"disable_database_manager": True, **values})
    answer.status_code = status
    answer.headers.update(_HEADERS)
    return answer
