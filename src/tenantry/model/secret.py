"""Secrets: a type that does not print its value, random passwords and keys, and derivation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from tenantry.agreed import GENERATED_ROUNDS

_PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_PASSWORD_LENGTH = 23


class Secret:
    """A string whose value is shown only by `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value)


def random_key() -> Secret:
    """A new key: 256 random bits, hexadecimal."""
    return Secret(secrets.token_hex(32))


def random_password() -> Secret:
    """A password for a person: 130 random bits in 23 characters that cannot be confused."""
    return Secret("".join(secrets.choice(_PASSWORD_ALPHABET) for _ in range(_PASSWORD_LENGTH)))


def derive_role_password(key: Secret, role: str) -> Secret:
    """The password of a PostgreSQL role: an HMAC of its name. `model.keys` chooses the key.

    Passwords are not stored: a process that has the key can connect to a new database at once.
    """
    return derived_key(key, f"role:{role}")


def derived_key(key: Secret, purpose: str) -> Secret:
    """A key derived for a purpose, from which `key` cannot be computed: 256 bits, hexadecimal."""
    return Secret(hmac.new(key.reveal().encode(), purpose.encode(), hashlib.sha256).hexdigest())


def hash_for_odoo(password: Secret) -> str:
    """Hash a password as passlib's pbkdf2_sha512, the format of Odoo's `res_users.password`.

    The password is 130 random bits, so more rounds add no security, and Odoo itself hashes it again with its
    own number of rounds at the first login. 1000 rounds cost half a millisecond, 25 000 a tenth of a creation
    (decision 0007).
    """
    salt = secrets.token_bytes(16)
    digest = hashlib.pbkdf2_hmac("sha512", password.reveal().encode(), salt, GENERATED_ROUNDS)
    return f"$pbkdf2-sha512${GENERATED_ROUNDS}${_adapted_base64(salt)}${_adapted_base64(digest)}"


def _adapted_base64(data: bytes) -> str:
    """passlib's variant of base64: no padding, `.` for `+`."""
    return base64.b64encode(data).decode().rstrip("=").replace("+", ".")
