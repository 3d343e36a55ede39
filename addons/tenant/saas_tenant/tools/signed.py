"""Verify what the provider signed: Ed25519, for this instance and this purpose.

`tenantry.model.signing` signs. This file needs neither Odoo nor the provider's secret.
"""

import base64
import json
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from odoo.addons.saas_agreed import ENTITLEMENTS, EntitlementFacts


class InvalidToken(Exception):
    """It was not signed by the provider, or not for this instance, or not for this."""


@dataclass(frozen=True)
class Entitlements(EntitlementFacts):
    """As signed. is_valid: False when nothing valid was stated, so nothing is allowed."""

    is_valid: bool = True

    @property
    def storage_bytes(self):
        return int(self.storage_gb * 1024**3)

    @classmethod
    def from_token(cls, public_key, token, audience, since=None):
        """Read a token. Raises InvalidToken, also when it was issued before the serial `since`."""
        payload = verify(public_key, token, audience, ENTITLEMENTS)
        if since is not None and payload["issued_at"] < since:
            raise InvalidToken("a newer one was issued")
        known = cls.__dataclass_fields__.keys() - {"is_valid"}
        return cls(**{key: value for key, value in payload.items() if key in known})


NOTHING = Entitlements(is_valid=False)


def verify(public_key, token, audience, *purposes):
    """The signed facts. Raises InvalidToken.

    public_key: hexadecimal. audience: the identity it must be for.
    """
    try:
        encoded, signature = token.split(".")
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(
            _decode(signature), encoded.encode()
        )
        payload = json.loads(_decode(encoded))
    except (AttributeError, ValueError, InvalidSignature) as error:
        raise InvalidToken("the signature is not the provider's") from error
    if payload["aud"] != audience or payload["purpose"] not in purposes:
        raise InvalidToken("it was issued for something else")
    return payload


def _decode(text):
    """Strict: one text for each value, so that a token cannot be respelled."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != text:
        raise ValueError("not the canonical spelling")
    return data
