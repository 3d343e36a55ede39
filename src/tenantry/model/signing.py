"""Statements of ours that a tenant's Odoo believes: Ed25519, for one instance and one purpose.

The private key is derived from the installation's signing key; the tenant server knows the public one only
(`addons/saas_tenant/tools/signed.py` verifies).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenantry import agreed
from tenantry.model.entitlements import Entitlements
from tenantry.model.secret import Secret


class Purpose(StrEnum):
    ENTITLEMENTS = agreed.ENTITLEMENTS
    LOGIN = agreed.LOGIN
    SUPPORT = agreed.SUPPORT


def now_us() -> int:
    """Microseconds since 1970: fine enough to tell two statements of one instance apart."""
    return time.time_ns() // 1000


def public_key(key: Secret) -> str:
    """What verifies our statements, hexadecimal. It may be known to everybody."""
    return _private_key(key).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def sign_entitlements(key: Secret, identity: str, entitlements: Entitlements, issued_at: int) -> str:
    """identity: the instance's, see `Label`. issued_at: microseconds; one older than in force is refused."""
    return _sign(key, identity, Purpose.ENTITLEMENTS, issued_at, entitlements.as_mapping())


def sign_login(
    key: Secret,
    identity: str,
    name: str,
    issued_at: int,
    valid_s: int,
    *,
    by: str = "",
    support: bool = False,
    origin: str = "",
) -> Secret:
    """A statement that lets its bearer in, once. by: the operator's name, for the customer's audit.

    identity, name: of the instance; once it is called otherwise the statement is void.
    origin: whose pages may send a browser in with it; from others somebody must press a button.
    """
    facts: dict[str, Any] = {"jti": secrets.token_urlsafe(16), "name": name, "by": by, "origin": origin}
    facts["expires_at"] = issued_at + valid_s * 1_000_000
    return Secret(_sign(key, identity, Purpose.SUPPORT if support else Purpose.LOGIN, issued_at, facts))


def _sign(key: Secret, identity: str, purpose: Purpose, issued_at: int, facts: Mapping[str, Any]) -> str:
    payload = {"aud": identity, "purpose": purpose, "issued_at": issued_at, **facts}
    encoded = _encode(json.dumps(payload, sort_keys=True).encode())
    return f"{encoded}.{_encode(_private_key(key).sign(encoded.encode()))}"


def _private_key(key: Secret) -> Ed25519PrivateKey:
    seed = hmac.new(key.reveal().encode(), b"entitlements", hashlib.sha256).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
