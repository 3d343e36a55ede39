"""Send documents to Railway's GraphQL API: with patience where that is safe, with typed errors else.

The token is in a header only. Neither it nor the variables of a document, which contain passwords, are in an
error or in the log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

import httpx

from tenantry.errors import (
    NotYet,
    RailwayQuotaExceeded,
    RailwayRefused,
    RailwayTokenRefused,
    RailwayUnreachable,
    TenantryError,
)
from tenantry.model.secret import Secret
from tenantry.railway.documents import Document

_logger = logging.getLogger(__name__)

_CONNECT_WITHIN_S = 10
_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60
"""A longer `Retry-After` becomes NotYet: the caller's thread is not held for it."""
_DAY_S = 86400
_NOT_AUTHORIZED = ("not authorized", "unauthorized", "unauthenticated")
_QUOTA = ("limit", "quota", "upgrade", "trial")
"""Railway tells these two causes by its message only: it has no codes for them."""
_MOST_OF_A_MESSAGE = 300


@dataclass(frozen=True)
class Client:
    """server: whose token it is, for errors. pause: sleeps that many seconds. timeout_s: of one request."""

    url: str
    token: Secret
    server: str
    pause: Callable[[float], None] = time.sleep
    timeout_s: float = 60

    def send(self, document: Document, **variables: Any) -> Any:
        """The value of the document's only field.

        Raises RailwayTokenRefused, RailwayQuotaExceeded, RailwayRefused; RailwayUnreachable, after which a
        document that is not repeatable may have been done; NotYet while Railway takes no more requests.
        """
        pause_s = _FIRST_PAUSE_S
        for _attempt in range(_ATTEMPTS - 1):
            try:
                return self._send_once(document, variables)
            except _Again as again:
                _logger.info("%s is sent again: %s", document.name, again.error)
                self.pause(again.after_s or pause_s)
                pause_s *= 2
        try:
            return self._send_once(document, variables)
        except _Again as again:
            raise again.error from again.__cause__

    @cached_property
    def _http(self) -> httpx.Client:
        return httpx.Client(
            headers={"Authorization": f"Bearer {self.token.reveal()}"},
            timeout=httpx.Timeout(self.timeout_s, connect=_CONNECT_WITHIN_S),
        )

    def _send_once(self, document: Document, variables: Mapping[str, Any]) -> Any:
        """Raises _Again where it is safe to send it again, else as `send`."""
        try:
            answer = self._http.post(self.url, json={"query": document.text, "variables": variables})
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # it was not sent
            raise _Again(RailwayUnreachable(self.url, _told(error))) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self._unknown(document, _told(error)) from error
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            raise self._too_many(answer)
        return self._read(document, answer)

    def _too_many(self, answer: httpx.Response) -> Exception:
        """Railway did nothing with this request, so it can be sent again, whatever it is."""
        asked = answer.headers.get("Retry-After", "")
        after_s = min(float(asked), _DAY_S) if asked.isascii() and asked.isdigit() else _FIRST_PAUSE_S
        error = NotYet(f"The server {self.server}", "Railway, which takes no more requests", after_s)
        return error if after_s > _LONGEST_PAUSE_S else _Again(error, after_s)

    def _read(self, document: Document, answer: httpx.Response) -> Any:
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise RailwayTokenRefused(self.server, "status 401")
        try:
            found = answer.json()
        except ValueError:
            found = None
        # An answer with errors and data is of no use: each document asks for one thing.
        if isinstance(found, dict) and found.get("errors"):
            raise self._refused(document, _message(found["errors"]))
        data = found.get("data") if isinstance(found, dict) else None
        if not isinstance(data, dict) or document.name not in data:
            raise self._unknown(document, f"status {answer.status_code} without an answer")
        return data[document.name]

    def _unknown(self, document: Document, reason: str) -> Exception:
        """Nobody knows whether it was done."""
        error = RailwayUnreachable(self.url, reason)
        return _Again(error) if document.repeatable else error

    def _refused(self, document: Document, message: str) -> TenantryError:
        lower = message.lower()
        if any(words in lower for words in _NOT_AUTHORIZED):
            return RailwayTokenRefused(self.server, message)
        if any(words in lower for words in _QUOTA):
            return RailwayQuotaExceeded(document.name, message)
        return RailwayRefused(document.name, message)


class _Again(Exception):
    """The document may be sent again. after_s: how much later; 0: as we like. error: if it is not."""

    def __init__(self, error: TenantryError, after_s: float = 0) -> None:
        super().__init__(str(error))
        self.error, self.after_s = error, after_s


def _told(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")


def _message(errors: Any) -> str:
    """The messages of Railway's errors in one line."""
    rows = errors if isinstance(errors, list) else [errors]
    texts = [str(row.get("message", "")) if isinstance(row, dict) else str(row) for row in rows]
    line = " ".join("; ".join(filter(None, texts)).split())
    return (line or "without a reason")[:_MOST_OF_A_MESSAGE].rstrip(".")
