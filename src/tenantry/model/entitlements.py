"""Entitlements: the limits of an instance's plan, signed, and enforced by the instance's own Odoo (I13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tenantry.agreed import EntitlementFacts
from tenantry.errors import InvalidValue
from tenantry.model.provider import check_contact

_MOST_USERS = 1_000_000


@dataclass(frozen=True)
class Entitlements(EntitlementFacts):
    """The checked limits of an instance."""

    def __post_init__(self) -> None:
        """Raises InvalidValue."""
        if not isinstance(self.users, int) or self.users > _MOST_USERS:
            raise InvalidValue("limit", str(self.users), f"a whole number, {_MOST_USERS} at most")
        if self.users < 0 or self.storage_gb < 0:
            raise InvalidValue("limit", str(min(self.users, self.storage_gb)), "0 for unlimited, or more")
        if self.expires_at and not _is_instant(self.expires_at):
            raise InvalidValue(
                "expiry", self.expires_at, "ISO 8601 with an offset, such as 2030-01-31T00:00:00+00:00"
            )
        if self.upgrade_url and urlsplit(self.upgrade_url).scheme not in ("http", "https"):
            raise InvalidValue("upgrade link", self.upgrade_url, "an address that begins with https://")
        check_contact(self.provider_email, self.provider_url)

    def as_mapping(self) -> Mapping[str, Any]:
        """The facts for the signed statement, without those that are not limited."""
        return {key: value for key, value in asdict(self).items() if value}


UNLIMITED = Entitlements()


def seats(limit: int, in_use: int, before: int) -> int:
    """The number of internal users who may log in: the plan's limit, or the existing users if there are more.

    before: the number until now. 0: unlimited, in all of these. Users that were added by SQL, without Odoo's
    models, get no seats by a change of the plan.
    """
    return max(limit, min(in_use, before or in_use)) if limit else 0


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
