"""A client of a master's REST API, with one key; failures become typed errors."""

from __future__ import annotations

import logging
import ssl
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tenantry import __version__
from tenantry.model.secret import Secret
from tenantry.remote.errors import (
    CertificateRefused,
    MasterUnreachable,
    RateLimited,
    Refusal,
)

_logger = logging.getLogger(__name__)

_TIMEOUT = httpx.Timeout(30, connect=10)
_PAUSES_S = (0.5, 2.0)
"""Pauses before a request is retried whose answer was lost. Its idempotency key prevents a second effect."""
_RETRY_AFTER_S = 60


class Client:
    """Calls one master as one user."""

    def __init__(self, url: str, key: Secret) -> None:
        self.url = url
        self._http = httpx.Client(
            base_url=f"{url}/api",
            headers={
                "Authorization": f"Bearer {key.reveal()}",
                "User-Agent": f"tenantry/{__version__}",
                "Accept-Language": "en",
            },
            timeout=_TIMEOUT,
        )

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Send a GET request, without parameters that are None. Raises TenantryError."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", path, params=wanted)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a POST request, as `get`. A retry after a lost connection has no second effect."""
        wanted = {name: value for name, value in body.items() if value is not None}
        return self._ask("POST", path, json=wanted, headers={"Idempotency-Key": str(uuid.uuid4())})

    def post_once(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a POST request whose answer has a secret: no such answer is kept, so nothing is retried."""
        return self._ask("POST", path, pauses_s=(0.0,), json=body)

    def _ask(
        self, method: str, path: str, *, pauses_s: Sequence[float] = (0.0, *_PAUSES_S), **content: Any
    ) -> dict[str, Any]:
        for pause_s in pauses_s:
            time.sleep(pause_s)
            try:
                return self._parse(self._http.request(method, path, **content))
            except httpx.ConnectError as error:
                raise self._not_connected(error) from error
            except httpx.TransportError as error:
                lost = error
                _logger.info("%s %s got no answer: %s", method, path, type(error).__name__)
        raise self._not_connected(lost) from lost

    def _not_connected(self, error: httpx.TransportError) -> MasterUnreachable | CertificateRefused:
        reason = str(error).strip(" .") or type(error).__name__
        if _is_about_certificates(error):
            return CertificateRefused(self.url, reason)
        return MasterUnreachable(self.url, reason)

    def _parse(self, response: httpx.Response) -> dict[str, Any]:
        status, headers = response.status_code, response.headers
        if status == 429:
            raise RateLimited(self.url, _seconds(headers.get("Retry-After")))
        body = _json(response)
        if body is not None and status < 300:
            return body
        raise Refusal(self.url, status, body or {}, headers.get("X-Request-ID", "")).as_error()


def _json(response: httpx.Response) -> dict[str, Any] | None:
    """The body of an answer of the API; None if something else answered."""
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) and ("success" in body or "status" in body) else None


def _seconds(text: str | None) -> int:
    """Parse Retry-After. It may be a date, which our API never sends: then return a minute."""
    return int(text) if text and text.isdigit() else _RETRY_AFTER_S


def _is_about_certificates(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return "CERTIFICATE_VERIFY_FAILED" in str(error)
