"""The specification of a new instance, and the result of its creation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tenantry.errors import InvalidValue
from tenantry.model import countries, names
from tenantry.model.catalog import State
from tenantry.model.entitlements import UNLIMITED, Entitlements
from tenantry.model.limits import checked as checked_limits
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret


@dataclass(frozen=True)
class InstanceSpec:
    """The specification of a new instance. Make it from untrusted input by `InstanceSpec.checked()`.

    company: the customer's company; by default derived from the name.
    admin_name: the administrator's name; by default derived from the mailbox.
    language, country, timezone: Odoo's code (`fr_FR`), ISO code (`FR`), IANA name; "": as in the template.
    The default time zone is the country's.
    password: the administrator's password; None: a random one.
    reference: a text of the caller's choice. A creation that was finished with the same reference is not
    repeated: its caller was killed before it got the result.
    limits: the plan's limits of its process, see `model.limits`.
    recipe: what its Odoo installs where there are no templates; None: the shipped one of the template's code.
    """

    name: str
    email: str
    company: str = ""
    admin_name: str = ""
    template: str = "blank"
    language: str = ""
    country: str = ""
    timezone: str = ""
    hostnames: tuple[str, ...] = ()
    password: Secret | None = None
    reference: str = ""
    entitlements: Entitlements = UNLIMITED
    limits: Mapping[str, float] = field(default_factory=dict)
    recipe: Recipe | None = None

    @classmethod
    def checked(
        cls,
        reserved: Collection[str] = names.RESERVED_NAMES,
        *,
        hostnames: Collection[str] = (),
        entitlements: Entitlements = UNLIMITED,
        limits: Mapping[str, float] | None = None,
        **wishes: Any,
    ) -> InstanceSpec:
        """Raises InvalidName, InvalidValue."""
        extra = tuple(names.hostname(hostname) for hostname in hostnames)
        allowed = checked_limits(limits or {})
        wishes["email"] = names.email(wishes["email"])
        if wishes.get("company"):
            wishes["company"] = names.caption(wishes["company"], "company name")
        if wishes.get("admin_name"):
            wishes["admin_name"] = names.caption(wishes["admin_name"], "administrator's name")
        spec = cls(**wishes, hostnames=extra, entitlements=entitlements, limits=allowed)
        names.instance_name(spec.name, reserved)
        names.template_code(spec.template)
        if spec.country and spec.country not in countries.COUNTRIES:
            raise InvalidValue("country", spec.country, countries.EXPECTED)
        if spec.timezone and not countries.is_time_zone(spec.timezone):
            raise InvalidValue("time zone", spec.timezone, "an IANA name, such as Europe/Paris")
        return spec

    @property
    def administrator(self) -> str:
        return self.admin_name or self.email.partition("@")[0].replace(".", " ").title()

    @property
    def local_timezone(self) -> str:
        """The chosen time zone, else the country's."""
        return self.timezone or countries.time_zone_of(self.country)

    @property
    def company_name(self) -> str:
        return self.company or self.name.replace("-", " ").title()


@dataclass(frozen=True)
class Instance:
    """An instance in the catalog. login: the administrator's, if it was read from the database.

    reference: the caller's reference of its creation. moved_to: the server that it moved to, if it has moved.
    is_copy: it is a neutralized copy of another one. expires_at: when a copy is stopped, UTC, ISO 8601.
    project: the id of its project, where a runtime has projects.
    """

    name: str
    state: State
    url: str
    template: str
    template_version: str
    hostnames: tuple[str, ...]
    size_bytes: int = 0
    login: str = ""
    reference: str = ""
    moved_to: str = ""
    is_copy: bool = False
    expires_at: str = ""
    project: str = ""


@dataclass(frozen=True)
class Creation:
    """A finished creation. The password is here only: it is stored nowhere.

    spare: whether a spare was used; None: its server has no spares. steps: (name, seconds) in order.
    advice: warnings, see `model.advice`.
    """

    instance: Instance
    login: str
    password: Secret
    duration_s: float
    spare: bool | None
    steps: tuple[tuple[str, float], ...] = field(default=())
    advice: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewPassword:
    """An administrator's new password, which is stored nowhere. login: as it is in the database now."""

    login: str
    password: Secret
