"""Errors of the communication with a master: families of `tenantry.errors`, with causes of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenantry.errors import AccessRefused, Conflict, DependencyFailure, InvalidInput, NotFound, TenantryError

# ---------------------------------------------------------------- the login


class NotLoggedIn(AccessRefused):
    def __init__(self) -> None:
        super().__init__("You are not logged in to a master.")
        self.remedy = "Run `tenantry login URL`, or set TENANTRY_MASTER and TENANTRY_API_KEY."


class InvalidAddress(InvalidInput):
    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        super().__init__(f"{address!r} cannot be a master's address: {reason}.")
        self.remedy = "Give one such as https://office.example.com."


class InsecureAddress(InvalidInput):
    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"The connection to {address} is not encrypted: others could read the key.")
        self.remedy = "Use https://. In a network that you trust, run `tenantry login --insecure`."


class InvalidKey(InvalidInput):
    def __init__(self) -> None:
        super().__init__("This is not a valid API key.")
        self.remedy = "Create one in Odoo: your name, My Preferences, Security, Add API Key."


class KeyMissing(InvalidInput):
    def __init__(self) -> None:
        super().__init__("There is no API key, and no terminal to ask for one.")
        self.remedy = "Give it on standard input with --key-stdin, or in TENANTRY_API_KEY."


class LoginDamaged(InvalidInput):
    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(f"The login in {file} cannot be read.")
        self.remedy = "Run `tenantry logout`, then `tenantry login URL`."


# ---------------------------------------------------------------- the connection


class MasterUnreachable(DependencyFailure):
    retryable = True

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"The master at {url} does not answer: {reason}.")
        self.remedy = "Check the address and that the master runs, then try again."


class CertificateRefused(DependencyFailure):
    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"The certificate of {url} is not trusted: {reason}.")
        self.remedy = "Correct the certificate; for an authority of your own set SSL_CERT_FILE to its file."


class NotAMaster(DependencyFailure):
    def __init__(self, url: str, status: int) -> None:
        self.url, self.status = url, status
        super().__init__(f"The answer of {url} (status {status}) is not one of a master's API.")
        self.remedy = "Log in with the back office's address; update the master if it is older."


# ---------------------------------------------------------------- refusals of the master


class KeyRefused(AccessRefused):
    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url} does not accept the API key.")
        self.remedy = f"Make a new one in Odoo (My Preferences, Security), then `tenantry login {url}`."


class NotAllowed(AccessRefused):
    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.remedy = "See `tenantry whoami`; ask an administrator for the right, or use another key."


class NotThere(NotFound):
    def __init__(self, said: str, noun: str) -> None:
        super().__init__(said)
        self.remedy = f"See `tenantry {noun} list`."


class TakenThere(Conflict):
    def __init__(self, said: str, alternatives: tuple[str, ...]) -> None:
        self.alternatives = alternatives
        super().__init__(said)
        free = f", for example {', '.join(alternatives)}" if alternatives else ""
        self.remedy = f"Choose another name{free}."


class NotNow(Conflict):
    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.remedy = "See its state with `tenantry instance show` or `tenantry request show`."


class RefusedInput(InvalidInput):
    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.remedy = "Correct the value that the message names."


class RateLimited(DependencyFailure):
    retryable = True

    def __init__(self, url: str, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"{url} accepts no more requests with this key for now.")
        self.remedy = f"Try again in {retry_after_s} s, or raise saas_api.requests_per_hour on the master."


class NoCapacityThere(DependencyFailure):
    retryable = True

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.remedy = "Try again later, or add a server in the back office."


class MasterFailed(DependencyFailure):
    def __init__(self, url: str, status: int, request_id: str) -> None:
        self.url, self.status, self.request_id = url, status, request_id
        self.retryable = status >= 502
        super().__init__(f"{url} failed to answer (status {status}).")
        found = f"find {request_id} in the master's log" if request_id else "read the master's log"
        self.remedy = f"Try again; {found}."


# ---------------------------------------------------------------- results


class OperationFailed(DependencyFailure):
    def __init__(self, name: str, action: str, reason: str) -> None:
        self.name, self.action, self.reason = name, action, reason
        super().__init__(f"{name}: {action} failed: {reason or 'it is in another state'}.")
        self.remedy = f"See `tenantry instance logs {name}`."


class RequestFailed(DependencyFailure):
    def __init__(self, request_id: str, reason: str) -> None:
        self.request_id, self.reason = request_id, reason
        super().__init__(f"The request {request_id} failed: {reason or 'its log has the reason'}.")
        self.remedy = f"Fix the cause, then run `tenantry request retry {request_id}`."


class RequestNotRunning(Conflict):
    """The request is a draft, whose customer must confirm their address first, or it was cancelled."""

    def __init__(self, request_id: str, state: str) -> None:
        self.request_id, self.state = request_id, state
        super().__init__(f"The request {request_id} is {state}: it is not running.")
        self.remedy = "See `tenantry request list`."


class LeftRunning(TenantryError):
    """Ctrl-C stopped only the waiting; the operation continues on the master."""

    exit_code = 130

    def __init__(self, subject: str, command: str) -> None:
        self.subject = subject
        super().__init__(f"{subject} goes on at the master.")
        self.remedy = f"Follow it with `{command}`."


# ---------------------------------------------------------------- errors from an answer


@dataclass(frozen=True)
class Refusal:
    """An error answer of the API (A4). request_id: its name in the master's log."""

    url: str
    status: int
    body: Mapping[str, Any]
    request_id: str = ""

    @property
    def said(self) -> str:
        return str(self.body.get("error") or "The master refused it.")

    @property
    def alternatives(self) -> tuple[str, ...]:
        details = self.body.get("details")
        return tuple(map(str, details.get("suggestions", ()))) if isinstance(details, dict) else ()

    def as_error(self) -> TenantryError:
        """The error for its code, or else for its status, but never for its message."""
        make = _BY_CODE.get(str(self.body.get("error_code"))) or _BY_STATUS.get(self.status)
        if make:
            return make(self)
        if self.status >= 500:
            return MasterFailed(self.url, self.status, self.request_id)
        return NotAMaster(self.url, self.status)


_Make = Mapping[Any, Callable[[Refusal], TenantryError]]
_BY_CODE: _Make = {
    "INSTANCE_NOT_FOUND": lambda refusal: NotThere(refusal.said, "instance"),
    "REQUEST_NOT_FOUND": lambda refusal: NotThere(refusal.said, "request"),
    "SUBDOMAIN_TAKEN": lambda refusal: TakenThere(refusal.said, refusal.alternatives),
    "NO_CAPACITY": lambda refusal: NoCapacityThere(refusal.said),
}
_BY_STATUS: _Make = {
    400: lambda refusal: RefusedInput(refusal.said),
    401: lambda refusal: KeyRefused(refusal.url),
    403: lambda refusal: NotAllowed(refusal.said),
    409: lambda refusal: NotNow(refusal.said),
    413: lambda refusal: RefusedInput(refusal.said),
    422: lambda refusal: RefusedInput(refusal.said),
}
