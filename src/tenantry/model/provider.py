"""Whom customers and visitors ask: the provider's name, address and page, as they are shown to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from tenantry.errors import InvalidValue

_MAX_CHARACTERS = 500
_MAILBOX = re.compile(r"[^\s@<>?&]+@[^\s@<>?&]+")
"""Part of a `mailto:` link: nothing may follow the address there."""


@dataclass(frozen=True)
class Provider:
    """notice: the provider's own words on the pages of addresses that are not served. Each may be empty."""

    name: str = ""
    email: str = ""
    url: str = ""
    notice: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidValue."""
        check_contact(self.email, self.url)
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, str) or len(value) > _MAX_CHARACTERS:
                raise InvalidValue(f"provider's {field.name}", "...", f"at most {_MAX_CHARACTERS} characters")


def check_contact(email: str, url: str) -> None:
    """Raises InvalidValue: both become links."""
    if email and not _MAILBOX.fullmatch(email):
        raise InvalidValue("provider's email", email, "an email address")
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise InvalidValue("provider's page", url, "an address that begins with https://")


NOBODY = Provider()
