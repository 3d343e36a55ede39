"""The SCRAM verifier of a password (RFC 5802). We send it instead of the password: no log can hold that."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from tenantry.model.secret import Secret

_ROUNDS = 16
"""Iterations slow down guessing. Our passwords are 256 random bits, which nobody can guess, and every new
connection of a tenant that wakes has to compute them (decision 0007). PostgreSQL's default is 4096."""


def verifier(password: Secret) -> str:
    """The text for `ALTER ROLE ... PASSWORD`, of a password that is derived from a key."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.reveal().encode(), salt, _ROUNDS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${_ROUNDS}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
