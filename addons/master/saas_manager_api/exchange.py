"""The parts of an answer besides its body: request id, limits, security and CORS headers; and the log."""

import logging
import re
import time
import uuid

_logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ALLOWED_HEADERS = "Authorization, X-API-Key, Content-Type, Idempotency-Key, X-Request-ID, Accept-Language"
_EXPOSED_HEADERS = (
    "X-Request-ID, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, Idempotent-Replayed"
)
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
_STRICT_POLICY = "default-src 'none'; frame-ancestors 'none'"


class Exchange:
    """One request and its answer; it is kept when the transaction is retried."""

    def __init__(self, httprequest):
        given = httprequest.headers.get("X-Request-ID", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        self.httprequest = httprequest
        self.origin = httprequest.headers.get("Origin")
        self.origin_is_allowed = False
        self.allowance = None
        self._began_at = time.monotonic()
        self._is_logged = False

    @property
    def is_preflight(self):
        asked = self.httprequest.headers.get("Access-Control-Request-Method")
        return bool(self.httprequest.method == "OPTIONS" and self.origin and asked)

    def finish(self, response, caller):
        """Set the headers, and write one line into the log."""
        headers = response.headers
        headers["X-Request-ID"] = self.request_id
        for name, value in _SECURITY.items():
            headers[name] = value
        headers.setdefault("Content-Security-Policy", _STRICT_POLICY)
        headers.setdefault("Cache-Control", "no-store")
        headers.add("Vary", "Origin")
        if self.allowance:
            headers.update(self.allowance.headers)
        if response.status_code == 401:
            headers["WWW-Authenticate"] = "Bearer"
        self._add_cors_headers(headers)
        self._log(response.status_code, caller)
        return response

    def _add_cors_headers(self, headers):
        if self.origin and self.origin_is_allowed:
            headers["Access-Control-Allow-Origin"] = self.origin
            headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
            if self.is_preflight:
                headers["Access-Control-Allow-Methods"] = "GET, POST"
                headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
                headers["Access-Control-Max-Age"] = "600"

    def _log(self, status, caller):
        """X6: log who did what; the key is shown as the beginning of its fingerprint."""
        if self._is_logged:
            return
        self._is_logged = True
        _logger.info(
            "request %s: %s %r by %s answered %s in %.0f ms",
            self.request_id,
            self.httprequest.method,
            self.httprequest.path,
            f"user {caller.uid} with key {caller.fingerprint[:8]}" if caller else "nobody",
            status,
            1000 * (time.monotonic() - self._began_at),
        )
