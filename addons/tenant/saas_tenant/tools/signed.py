"""Verify the provider's signatures: Ed25519, for this instance and a purpose.

`tenantry.model.signing` signs. This file needs neither Odoo nor the provider's private key.
"""

import base64
import json
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from odoo.addons.saas_agreed import ENTITLEMENTS, EntitlementFacts


class InvalidToken(Exception):
    """The token was not signed by the provider, or it is for another instance or another purpose."""


@dataclass(frozen=True)
class Entitlements(EntitlementFacts):
    """The signed limits. is_valid: False without a valid token; then nothing may be added."""

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
    """Return the signed facts. Raises InvalidToken.

    public_key: hexadecimal. audience: the identity of this instance.
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
    """Decode strictly: only one text is valid for each value."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != text:
        raise ValueError("not the canonical spelling")
    return data
