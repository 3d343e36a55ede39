"""The answers of a master as frozen objects. Fields that older or newer masters lack or add are tolerated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from tenantry.model.secret import Secret


@dataclass(frozen=True)
class Answer:
    """Base class: takes the fields that it knows from the data of an answer."""

    @classmethod
    def of(cls, data: Mapping[str, Any], **more: Any) -> Self:
        known = {field.name for field in fields(cls)}
        return cls(**{**{name: value for name, value in data.items() if name in known}, **more})


@dataclass(frozen=True)
class Me(Answer):
    """The user of the key. may: some of read, create, manage, terminate."""

    name: str
    login: str
    company: str
    may: tuple[str, ...]


@dataclass(frozen=True)
class RemoteDomain(Answer):
    """state: pending, verified, live or failing. reason: why it is failing."""

    name: str
    state: str
    reason: str | None = None


@dataclass(frozen=True)
class RemoteInstance(Answer):
    """id: the master's, which a rename does not change; "" from an older master. operation, progress, step:
    of the running operation. failure: why the last operation failed; None from an older master. reason: that,
    or why it is suspended. domains: its further host names.
    """

    name: str
    state: str
    url: str
    company: str
    plan: str
    template: str
    login: str
    id: str = ""
    series: str | None = None
    run_state: str = ""
    operation: str | None = None
    progress: float = 0.0
    step: str | None = None
    reason: str | None = None
    failure: str | None = None
    health: str = ""
    users: int = 0
    max_users: int = 0
    storage_mb: float = 0.0
    max_storage_gb: float = 0.0
    created_at: str | None = None
    activated_at: str | None = None
    last_activity_at: str | None = None
    expires_on: str | None = None
    domains: tuple[RemoteDomain, ...] = ()

    @classmethod
    def of_info(cls, data: Mapping[str, Any]) -> RemoteInstance:
        """In the API `name` is the company's name; in this program it is the instance's."""
        return cls.of(
            data,
            name=data["subdomain"],
            company=data["name"],
            login=data["admin_email"],
            plan=data["plan"]["code"],
            url=data["url"] or "",
            domains=tuple(map(RemoteDomain.of, data.get("domains", ()))),
        )

    @property
    def storage_bytes(self) -> int:
        return int(self.storage_mb * 2**20)

    @property
    def last_activity(self) -> str | None:
        return self.last_activity_at


@dataclass(frozen=True)
class LogLine(Answer):
    at: str
    level: str
    message: str
    operation: str | None = None
    step: str | None = None
    duration_s: float = 0.0


@dataclass(frozen=True)
class Request(Answer):
    """A request. step: the last completed step."""

    request_id: str
    state: str
    progress: float
    subdomain: str = ""
    url: str | None = None
    step: str | None = None
    error: str | None = None
    company_name: str = ""
    source: str = ""
    number: str = ""
    attempts: int = 0
    created_at: str | None = None
    completed_at: str | None = None

    @classmethod
    def of_status(cls, data: Mapping[str, Any], **more: Any) -> Request:
        instance = data.get("instance") or {}
        placed = {"subdomain": instance.get("subdomain", ""), "url": instance.get("url")}
        return cls.of({**placed, **data}, **more)

    @property
    def is_over(self) -> bool:
        return self.state in ("completed", "failed", "cancelled", "draft")


@dataclass(frozen=True)
class Located:
    """A new instance: the facts in the result of its creation."""

    name: str
    state: str
    url: str


@dataclass(frozen=True)
class Asked:
    """A creation that was started. warnings: about the order, see `model.advice`."""

    request_id: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemoteCreation:
    """password: None when it was returned before, the request was made with another key, or after a day.

    duration_s: from the request to the answer that it is ready; None if this program did not make it.
    advice: warnings about the order.
    """

    request_id: str
    instance: Located
    login: str
    password: Secret | None
    duration_s: float | None = None
    advice: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoginLink(Answer):
    """sent_to: the address it is mailed to; then url is None."""

    url: Secret | None
    sent_to: str | None = None


@dataclass(frozen=True)
class PasswordReset(Answer):
    """sent_to: the address to which a link is mailed; then login and password are None."""

    login: str | None
    password: Secret | None
    sent_to: str | None = None


@dataclass(frozen=True)
class Availability(Answer):
    subdomain: str
    available: bool
    error: str | None = None
    suggestions: tuple[str, ...] = ()
