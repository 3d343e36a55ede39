"""Identifies callers, by one of Odoo's own API keys or by a publishable key."""

import hashlib
import re
from contextvars import ContextVar
from dataclasses import dataclass

from odoo import SUPERUSER_ID
from odoo.tools.translate import LazyTranslate

from .errors import ApiError, of_status
from .networks import network_of

_lt = LazyTranslate(__name__)

SCOPE = "saas"
"""The scope of Odoo's API keys: keys with this scope, or without any, are valid for the API."""
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_LOOKS_LIKE_A_KEY = re.compile(r"[\x21-\x7e]{20,200}")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})

caller_ctx: ContextVar["Caller | None"] = ContextVar("saas_api_caller", default=None)


@dataclass(frozen=True)
class Caller:
    """A caller with a valid key; `fingerprint` identifies the key without revealing it."""

    uid: int
    fingerprint: str
    address: str
    publishable_id: int | None = None
    company_id: int | None = None

    @property
    def owner(self):
        """The owner of rate limits and idempotency keys: with a publishable key, each visitor."""
        return f"{self.fingerprint} {self.address}" if self.is_publishable else self.fingerprint

    @property
    def is_publishable(self):
        return self.publishable_id is not None


def sent_key(headers):
    """The request's key; None if it has none. Raises ApiError for invalid or contradicting headers."""
    keys = set()
    if "Authorization" in headers:
        found = _BEARER.fullmatch(headers["Authorization"].strip())
        keys.add(found and found[1])
    if "X-API-Key" in headers:
        keys.add(headers["X-API-Key"])
    if len(keys) > 1 or None in keys:
        raise unauthorized()
    return keys.pop() if keys else None


def identify(env, httprequest):
    """The caller of a request; None without a key. Raises ApiError if the key is not valid."""
    key = sent_key(httprequest.headers)
    if key is None:
        return None
    if not _LOOKS_LIKE_A_KEY.fullmatch(key):
        raise unauthorized()
    fingerprint = hashlib.sha256(key.encode()).hexdigest()
    if key.startswith("pk_"):
        return _publishable(env, key, fingerprint, httprequest)
    # sudo: the key is looked up before its user is known
    uid = env["res.users.apikeys"].sudo()._user_of_key(key, fingerprint)
    if not uid:
        raise unauthorized()
    return Caller(uid, fingerprint, network_of(httprequest.remote_addr))


def _publishable(env, key, fingerprint, httprequest):
    """A6: everybody can read this key in a web page, so it is accepted from the operator's own sites only."""
    # sudo: as above
    found = env["saas.api.key.publishable"].sudo().search([("key", "=", key)])
    if not found:
        raise unauthorized()
    origin = httprequest.headers.get("Origin")
    needed = httprequest.method not in _READING
    if (origin or needed) and origin not in found._origins():
        raise ApiError(403, "FORBIDDEN", _lt("This key may not be used from that web site."))
    address = network_of(httprequest.remote_addr)
    return Caller(SUPERUSER_ID, fingerprint, address, found.id, found.company_id.id)


def unauthorized():
    problem = of_status(401)
    return ApiError(problem.status, problem.code, problem.sentence)
