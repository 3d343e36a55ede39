"""Sign statements for a tenant's Odoo: Ed25519, for one instance and one purpose.

The private key is derived from the installation's signing key. The tenant server has the public key only, and
verifies in `addons/tenant/saas_tenant/tools/signed.py`.
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

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenantry import agreed
from tenantry.model.entitlements import Entitlements
from tenantry.model.secret import Secret

_ARCHIVE = b"tenantry archive\n"
"""A prefix for the signed data of archives: no tenant's statement begins like this."""


class Purpose(StrEnum):
    ENTITLEMENTS = agreed.ENTITLEMENTS
    LOGIN = agreed.LOGIN
    SUPPORT = agreed.SUPPORT


def now_us() -> int:
    """Microseconds since 1970: no two statements of an instance are issued at the same time."""
    return time.time_ns() // 1000


def public_key(key: Secret) -> str:
    """The public key that verifies our signatures, hexadecimal."""
    return _private_key(key).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def sign_entitlements(key: Secret, identity: str, entitlements: Entitlements, issued_at: int) -> str:
    """identity: the instance's, see `Label`. issued_at: microseconds; it is the statement's serial."""
    return _sign(key, identity, Purpose.ENTITLEMENTS, issued_at, entitlements.as_mapping())


def entitlements_in(key: Secret, identity: str, statement: str) -> Mapping[str, Any]:
    """The facts of a statement that `sign_entitlements` made for this instance; none of any other."""
    encoded, _dot, signature = statement.partition(".")
    try:
        _private_key(key).public_key().verify(_decode(signature), encoded.encode())
        facts: dict[str, Any] = json.loads(_decode(encoded))
    except (ValueError, InvalidSignature):
        return {}
    is_meant = facts.pop("aud") == identity and facts.pop("purpose") == Purpose.ENTITLEMENTS
    return facts if is_meant else {}


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
    """The statement of a login link, valid once. by: the operator's name, for the customer's audit.

    identity, name: of the instance; after a renaming the statement is void.
    origin: pages of this origin may log a browser in directly; otherwise the visitor must press a button.
    """
    facts: dict[str, Any] = {"jti": secrets.token_urlsafe(16), "name": name, "by": by, "origin": origin}
    facts["expires_at"] = issued_at + valid_s * 1_000_000
    return Secret(_sign(key, identity, Purpose.SUPPORT if support else Purpose.LOGIN, issued_at, facts))


def sign_bytes(key: Secret, data: bytes) -> str:
    """Sign data of an archive; return the signature, hexadecimal. `public_key` verifies it."""
    return _private_key(key).sign(_ARCHIVE + data).hex()


def is_signed(public_key: str, signature: str, data: bytes) -> bool:
    """Whether `sign_bytes` made the signature of the data with the private key of `public_key`."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), _ARCHIVE + data)
    except (ValueError, InvalidSignature):
        return False
    return True


def _sign(key: Secret, identity: str, purpose: Purpose, issued_at: int, facts: Mapping[str, Any]) -> str:
    payload = {"aud": identity, "purpose": purpose, "issued_at": issued_at, **facts}
    encoded = _encode(json.dumps(payload, sort_keys=True).encode())
    return f"{encoded}.{_encode(_private_key(key).sign(encoded.encode()))}"


def _private_key(key: Secret) -> Ed25519PrivateKey:
    seed = hmac.new(key.reveal().encode(), b"entitlements", hashlib.sha256).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
