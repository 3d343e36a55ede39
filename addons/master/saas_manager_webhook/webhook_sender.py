"""Makes one attempt to send a message to an endpoint: signed, with a deadline, never to private addresses.

Proxies of the environment and redirects are not followed: `httpcore` supports neither.
"""

import ipaddress
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import certifi
import httpcore
from odoo.addons.saas_manager.exceptions import AS_VALIDATION_ERROR
from odoo.exceptions import ValidationError
from requests.exceptions import RequestException
from requests_hardened.ip_filter import InvalidIPAddress
from standardwebhooks import Webhook

from .webhook_network import Backend, public_address

_TIMEOUT_S = 10
_CONNECT_TIMEOUT_S = 5
_KEPT_BYTES = 1024
_USER_AGENT = "Tenantry-Webhooks/1"
_BROKEN = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)
_NOT_SENT = (RequestException, ValueError)
"""Raised for host names without an address, or with a private or invalid one."""


class UrlRefused(ValidationError):
    """The URL of an endpoint is not allowed."""

    context = AS_VALIDATION_ERROR


@dataclass(frozen=True)
class Attempt:
    """The result of an attempt: `status` is 0, with an `error`, if there was no answer."""

    duration_s: float
    status: int = 0
    response: str = ""
    error: str = ""

    @property
    def is_delivered(self):
        return 200 <= self.status < 300

    @property
    def is_unwanted(self):
        """410: the receiver wants no more messages."""
        return self.status == 410


def check_url(env, url, allow_private):
    """Raise UrlRefused unless messages may be sent to the URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        raise UrlRefused(env._("This is not a URL: %s. Write it as https://www.example.com/webhooks", url))
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        raise UrlRefused(env._("Messages are sent over https only: write a URL that begins with https://"))
    if "@" in parts.netloc:
        raise UrlRefused(
            env._("A URL must not contain a user or a password: the signature identifies the sender.")
        )
    if not allow_private and _is_address(host):
        _check_address(env, host, port)


def _is_address(host):
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _check_address(env, host, port):
    try:
        public_address(host, port)
    except RequestException as error:
        sentence = env._(
            "%s is a private address. The parameter saas_api.webhooks_allow_private would allow it.", host
        )
        raise UrlRefused(sentence) from error


def send(env, url, message_id, body, secrets, allow_private):
    """POST the message, signed with each of the secrets; return the `Attempt`."""
    began = time.monotonic()
    try:
        check_url(env, url, allow_private)
        status, response = _post(url, _headers(message_id, body, secrets), body, allow_private)
    except (UrlRefused, *_BROKEN, *_NOT_SENT) as error:
        return Attempt(time.monotonic() - began, error=_sentence(env, error))
    return Attempt(time.monotonic() - began, status, response)


def _headers(message_id, body, secrets):
    now = datetime.now(UTC)
    return {
        "Content-Type": "application/json",
        "User-Agent": _USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, now, body) for secret in secrets),
    }


def _post(url, headers, body, allow_private):
    backend = Backend(time.monotonic() + _TIMEOUT_S, allow_private)
    extensions = {"timeout": {"connect": _CONNECT_TIMEOUT_S}}
    with (
        httpcore.ConnectionPool(ssl_context=_ssl_context(), network_backend=backend) as pool,
        pool.stream("POST", url, headers=headers, content=body.encode(), extensions=extensions) as answer,
    ):
        return answer.status, _first_bytes(answer)


def _ssl_context():
    """The certificate authorities of the system, which the operator may extend, and the usual ones."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _first_bytes(answer):
    """The beginning of the answer, for the log; the rest is not read."""
    kept = b""
    # The status has arrived, so there is an answer, even if reading the rest fails.
    with suppress(*_BROKEN):
        for part in answer.iter_stream():
            kept += part
            if len(kept) >= _KEPT_BYTES:
                break
    return kept[:_KEPT_BYTES].decode(errors="replace").replace("\0", "")


def _sentence(env, error):
    if isinstance(error, InvalidIPAddress):
        return env._("The name resolves to a private address, to which nothing is sent.")
    if isinstance(error, httpcore.TimeoutException):
        return env._("No answer within %s seconds.", _TIMEOUT_S)
    return str(error) or type(error).__name__
