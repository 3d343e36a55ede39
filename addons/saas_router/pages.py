"""What a browser or a program is told when there is no tenant to serve it."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from string import Template

_PAGE = Template((resources.files(__package__) / "page.html").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Refusal:
    """code: one of the REST API's error codes (A4), so that programs read the same everywhere."""

    status: HTTPStatus
    code: str
    title: str
    message: str
    retry_after_s: int = 0


UNKNOWN_HOST = Refusal(
    HTTPStatus.NOT_FOUND,
    "INSTANCE_NOT_FOUND",
    "Nothing lives here",
    "There is no Odoo at this address. Check its spelling, or ask who gave it to you.",
)
SUSPENDED = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "INVALID_STATE",
    "This Odoo is suspended",
    "Its data is safe. If it is yours, please contact your provider to have it reactivated.",
    retry_after_s=3600,
)
STOPPED = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "INVALID_STATE",
    "This Odoo is stopped",
    "Its data is safe. If it is yours, please contact your provider to have it started.",
    retry_after_s=60,
)
PREPARING = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "INVALID_STATE",
    "This Odoo is being prepared",
    "It will be here in a moment. Please reload the page.",
    retry_after_s=2,
)
UNAVAILABLE = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "INTERNAL_ERROR",
    "Back in a moment",
    "The service is starting. Please reload the page.",
    retry_after_s=5,
)
CLOSED = Refusal(
    HTTPStatus.NOT_FOUND,
    "FORBIDDEN",
    "This page is closed",
    "Databases are managed by your provider.",
)


def respond(refusal, environ, start_response):
    """Answer a WSGI request with the refusal: JSON to who speaks JSON, else a page."""
    wants_json = "json" in environ.get("HTTP_ACCEPT", "") + environ.get("CONTENT_TYPE", "")
    body, content_type = _as_json(refusal) if wants_json else _as_html(refusal)
    headers = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Robots-Tag", "noindex"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ]
    if refusal.retry_after_s:
        headers.append(("Retry-After", str(refusal.retry_after_s)))
    start_response(f"{refusal.status.value} {refusal.status.phrase}", headers)
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


def _as_json(refusal):
    data = {"success": False, "error": f"{refusal.title}. {refusal.message}", "error_code": refusal.code}
    return json.dumps(data).encode(), "application/json"


def _as_html(refusal):
    page = _PAGE.substitute(title=refusal.title, message=refusal.message, status=refusal.status.value)
    return page.encode(), "text/html; charset=utf-8"
