"""The operator's mail server, by which a server's instances send mail."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

from email_validator import EmailNotValidError, validate_email

from tenantry.errors import InvalidValue
from tenantry.model.secret import Secret

DEFAULT_PER_HOUR = 100
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|::1")
_MAX_PORT = 65535


class Security(StrEnum):
    """How the connection to the mail server is encrypted: by STARTTLS, from its beginning, or not."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True)
class Smarthost:
    """A mail server and its login. user: "": without a login.

    sender: the address that all mails come from: the mail server must be allowed to send for its domain.
    per_hour: how many recipients an instance may write to in an hour. checks_certificate: of the mail server.
    """

    host: str
    port: int
    sender: str
    security: Security = Security.STARTTLS
    user: str = ""
    password: Secret = field(default=Secret(""), repr=False)
    per_hour: int = DEFAULT_PER_HOUR
    checks_certificate: bool = True

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        return self.host in _LOOPBACK


@dataclass(frozen=True)
class Traffic:
    """An instance's mails by the mail server: this hour's recipients, and what was refused for good.

    sent, per_hour: recipients in the last hour, and their limit. refused: how many mails the mail server
    refused, wholly or for some recipients. last_refusal: its last answer, with its code. last_refused_at:
    seconds since 1970; 0: never. The relay counts from its own start on.
    """

    name: str
    sent: int
    per_hour: int
    refused: int = 0
    last_refusal: str = ""
    last_refused_at: float = 0.0


def checked(smarthost: Smarthost) -> Smarthost:
    """The same, with a normalised sender. Raises InvalidValue."""
    if not _HOST.fullmatch(smarthost.host):
        raise InvalidValue("mail server", smarthost.host, "a host name, such as smtp.example.com")
    if not 0 < smarthost.port <= _MAX_PORT:
        raise InvalidValue("port", str(smarthost.port), f"a number from 1 to {_MAX_PORT}, such as 587")
    if smarthost.per_hour < 1:
        raise InvalidValue("limit per hour", str(smarthost.per_hour), "1 or more")
    if bool(smarthost.user) != bool(smarthost.password.reveal()):
        raise InvalidValue("login", smarthost.user, "both a user and a password, or neither")
    if smarthost.user and smarthost.security is Security.NONE and not smarthost.is_here:
        raise InvalidValue(
            "security", smarthost.security, "starttls or tls: a login would travel unencrypted"
        )
    try:
        # Mail servers of today do not all know other letters than ASCII's.
        sender = validate_email(smarthost.sender, check_deliverability=False).ascii_email
    except EmailNotValidError:
        sender = None
    if not sender:
        raise InvalidValue("sender", smarthost.sender, "an address of yours, such as mail@example.com")
    return replace(smarthost, sender=sender)
