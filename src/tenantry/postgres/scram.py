"""The verifier PostgreSQL keeps instead of a password (RFC 5802): no log of the server can hold one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from tenantry.model.secret import Secret

_ROUNDS = 16
"""Rounds slow down who guesses. Our passwords are 256 random bits, which nobody guesses, and every new
connection of a tenant that wakes has to do them (decision 0007). PostgreSQL's own default is 4096."""


def verifier(password: Secret) -> str:
    """What `ALTER ROLE ... PASSWORD` takes for a password that is derived from a key."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.reveal().encode(), salt, _ROUNDS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${_ROUNDS}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
