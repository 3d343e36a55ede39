"""Seal secrets for columns of a database, with a key of the installation that is in no database (X5)."""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken

from tenantry.errors import SealBroken
from tenantry.model.secret import Secret


def seal(key: Secret, secret: Secret) -> str:
    """Encrypt and authenticate a secret; the result is ASCII text for a database's column."""
    return _fernet(key).encrypt(secret.reveal().encode()).decode()


def unseal(key: Secret, sealed: str) -> Secret:
    """Decrypt a sealed secret. Raises SealBroken when another key sealed it, or it was altered."""
    try:
        return Secret(_fernet(key).decrypt(sealed.encode()).decode())
    except InvalidToken:
        raise SealBroken from None


def _fernet(key: Secret) -> Fernet:
    digest = hmac.new(key.reveal().encode(), b"seal", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
