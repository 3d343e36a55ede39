"""A remote master: create, list and manage instances and requests, and wait for them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

from tenantry.errors import DependencyFailure, InvalidValue, TenantryError
from tenantry.model.operations import OPERATIONS
from tenantry.model.progress import OnStep, ignore
from tenantry.model.secret import Secret
from tenantry.remote.client import Client
from tenantry.remote.errors import (
    LeftRunning,
    OperationFailed,
    RequestAmbiguous,
    RequestFailed,
    RequestNotRunning,
    RequestUnknown,
)
from tenantry.remote.following import StepWatch, follow, step_reporter
from tenantry.remote.results import (
    Asked,
    Availability,
    Located,
    LoginLink,
    LogLine,
    Me,
    PasswordReset,
    RemoteCreation,
    RemoteInstance,
    Request,
)

_PAGE = 500
_STEPS = 50
"""More lines than the log of a creation has."""
_WHOLE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PART = re.compile(r"[A-Za-z0-9-]{1,64}")


class RemoteMaster:
    """Each method makes one call, unless it says otherwise; for errors see `Client`."""

    def __init__(self, url: str, key: Secret) -> None:
        self.url = url
        self._api = Client(url, key)

    def me(self) -> Me:
        return Me.of(self._api.get("/provisioning/me")["data"])

    # ------------------------------------------------------------ instances

    def instances(self, limit: int | None, **wanted: str | None) -> list[RemoteInstance]:
        """The newest first; a call for each 500."""
        rows = self._rows("/provisioning/instances", limit, **wanted)
        return [RemoteInstance.of_info(row) for row in rows]

    def instance(self, name: str) -> RemoteInstance:
        return RemoteInstance.of_info(self._api.get(f"/provisioning/instance_info/{_part(name)}")["data"])

    def logs(self, name: str, hours: int, level: str, limit: int) -> list[LogLine]:
        """The newest first; a call for each 500."""
        path = f"/provisioning/instance_logs/{_part(name)}"
        return [LogLine.of(row) for row in self._rows(path, limit, hours=hours, level=level)]

    def check(self, name: str) -> Availability:
        return Availability.of(self._api.get("/provisioning/validate_subdomain", subdomain=name)["data"])

    def manage(self, name: str, action: str, reason: str | None = None, **values: Any) -> dict[str, Any]:
        """Start an operation; do not wait for it. values: what it needs, in the API's own words."""
        confirm = name if action == "terminate" else None
        body = {"action": action, "reason": reason, "confirm": confirm, **values}
        data: dict[str, Any] = self._api.post(f"/provisioning/manage_instance/{_part(name)}", body)["data"]
        return data

    def act(
        self, name: str, action: str, reason: str | None = None, on_step: OnStep = ignore
    ) -> RemoteInstance:
        """Start an operation and wait for its end. Raises OperationFailed; LeftRunning on Ctrl-C."""
        self.manage(name, action, reason)

        def failure(done: RemoteInstance) -> str | None:
            is_done = OPERATIONS[action].is_done(done.state, done.run_state, done.reason or "")
            return None if is_done else done.reason or ""

        return self._watched(name, action, on_step, failure)

    def rename(self, name: str, new_name: str, on_step: OnStep = ignore) -> RemoteInstance:
        """Rename it and wait for the end. Raises as `act`."""
        asked = self.manage(name, "rename", subdomain=new_name)
        return self._watched(name, "rename", on_step, lambda done: done.reason or None, identity=asked["id"])

    def set_domains(self, name: str, domains: Sequence[str], on_step: OnStep = ignore) -> RemoteInstance:
        """Have it answer at these further host names and no others; wait for the end. Raises as `act`."""
        self.manage(name, "set_domains", domains=list(domains))
        return self._watched(name, "set_domains", on_step, _failure_of_domains)

    def install(self, name: str, modules: Sequence[str], on_step: OnStep = ignore) -> RemoteInstance:
        """Install modules and wait for the end. Raises as `act`."""
        self.manage(name, "install", modules=list(modules))
        return self._watched(name, "install", on_step, lambda done: done.reason or None)

    def _watched(
        self,
        name: str,
        action: str,
        on_step: OnStep,
        failure: Callable[[RemoteInstance], str | None],
        identity: str = "",
    ) -> RemoteInstance:
        """The instance when no operation runs on it any more. Raises as `act`.

        failure: why the operation failed, by the record after its end; None: it did not. identity: the
        instance's id, if its name may change meanwhile.
        """
        report, which = step_reporter(action, name, on_step), identity or name
        with _watching(f"the operation on {name}", f"tenantry instance show {which}"):
            done = follow(
                lambda: self.instance(which),
                lambda instance: instance.operation is None,
                lambda instance: report(instance.step, instance.progress),
            )
        if (reason := failure(done)) is not None:
            raise OperationFailed(name, action, reason)
        report(action, 100.0)
        return done

    # ------------------------------------------------------------ letting customers in

    def login_link(self, name: str, *, send: bool = False) -> LoginLink:
        """A login link; send: the master mails it to the administrator instead."""
        data = self._api.post_once(f"/instances/{_part(name)}/login_link", {"send": send})["data"]
        return LoginLink(_secret(data["url"]), data["sent_to"])

    def reset_password(self, name: str, *, send: bool = False) -> PasswordReset:
        """A new password of the administrator; send: the master mails a link to choose one instead."""
        data = self._api.post_once(f"/instances/{_part(name)}/reset_password", {"send": send})["data"]
        return PasswordReset(data["login"], _secret(data["password"]), data["sent_to"])

    def send_welcome(self, name: str) -> str:
        """Send the welcome mail again; return the administrator's address."""
        return str(self._api.post(f"/instances/{_part(name)}/welcome", {})["data"]["sent_to"])

    # ------------------------------------------------------------ requests

    def ask(self, **wishes: str | None) -> Asked:
        """Request an instance; wishes: in the API's own words (A5)."""
        data = self._api.post("/instances", wishes)
        return Asked(str(data["instanceId"]), tuple(data.get("warnings", ())))

    def requests(self, limit: int, state: str | None = None) -> list[Request]:
        """The newest first; a call for each 500."""
        rows = self._rows("/provisioning/requests", limit, state=state)
        return [Request.of_status(row) for row in rows]

    def request(self, request_id: str) -> Request:
        data = self._api.get(f"/provisioning/request_status/{_part(request_id)}")["data"]
        return Request.of_status(data, request_id=request_id)

    def whole_request_id(self, prefix: str) -> str:
        """The id of the only request whose id begins so; a call for each 500. A whole id is not looked up.

        Raises RequestAmbiguous, RequestUnknown.
        """
        if _WHOLE_ID.fullmatch(_part(prefix)):
            return prefix
        rows = self._pages("/provisioning/requests", _PAGE, {})
        found = [row["request_id"] for row in rows if row["request_id"].startswith(prefix.lower())]
        if not found:
            raise RequestUnknown(prefix)
        if len(found) > 1:
            raise RequestAmbiguous(prefix, found)
        return str(found[0])

    def manage_request(self, request_id: str, action: str) -> Request:
        """Retry or cancel a request. Two calls."""
        self._api.post(f"/provisioning/manage_request/{_part(request_id)}", {"action": action})
        return self.request(request_id)

    def create(self, on_step: OnStep = ignore, **wishes: str | None) -> RemoteCreation:
        """`ask` and `finish`; the result has the duration of both."""
        began = time.monotonic()
        asked = self.ask(**wishes)
        creation = self.finish(asked.request_id, on_step)
        return replace(creation, duration_s=time.monotonic() - began, advice=asked.warnings)

    def finish(self, request_id: str, on_step: OnStep = ignore) -> RemoteCreation:
        """Wait for the end of a request. Raises RequestFailed, RequestNotRunning; LeftRunning on Ctrl-C."""
        watch = StepWatch("provision", request_id, on_step)
        with _watching("the creation", f"tenantry request show {request_id} --follow"):
            done = follow(
                lambda: self.request(request_id),
                lambda request: request.is_over,
                lambda request: watch.look(request.step, request.progress),
            )
            if done.state == "completed":
                creation = self._creation(request_id)
                if on_step is not ignore:
                    watch.end(self._steps(creation.instance.name))
                return creation
        if done.state == "failed":
            raise RequestFailed(request_id, done.error or "")
        raise RequestNotRunning(request_id, done.state)

    def _steps(self, name: str) -> list[LogLine]:
        """The log of a creation; nothing for a key that may not read it, since the creation is done."""
        try:
            return self.logs(name, hours=1, level="info", limit=_STEPS)
        except TenantryError:
            return []

    def _creation(self, request_id: str) -> RemoteCreation:
        """The result of a completed request. The master returns the password only once."""
        data = self._api.get(f"/instances/{_part(request_id)}")
        password = data.get("adminPassword")
        return RemoteCreation(
            request_id=request_id,
            instance=Located(data["databaseName"], "active", data["instanceUrl"]),
            login=data["adminEmail"],
            password=Secret(password) if password else None,
        )

    # ------------------------------------------------------------ pages

    def _rows(self, path: str, limit: int | None, **wanted: Any) -> list[dict[str, Any]]:
        return list(islice(self._pages(path, min(limit or _PAGE, _PAGE), wanted), limit))

    def _pages(self, path: str, size: int, wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        before = None
        while True:
            data = self._api.get(path, limit=size, before=before, **wanted)
            yield from data["data"]
            before = data["next"]
            if before is None:
                return


def _failure_of_domains(done: RemoteInstance) -> str | None:
    """The reason of a suspended instance is no failure."""
    failing = [f"{it.name}: {it.reason or 'it is failing'}" for it in done.domains if it.state == "failing"]
    return "; ".join(failing) or done.failure or (done.reason if done.state == "active" else None) or None


def _secret(text: str | None) -> Secret | None:
    return Secret(text) if text else None


def _part(name: str) -> str:
    """Check a name or an id that becomes a part of an address. Raises InvalidValue."""
    if not _PART.fullmatch(name):
        raise InvalidValue("name", name, "letters, digits and dashes only")
    return name


@contextmanager
def _watching(subject: str, command: str) -> Iterator[None]:
    """Add to errors how to see the state of the operation, which continues meanwhile."""
    try:
        yield
    except KeyboardInterrupt:
        raise LeftRunning(subject, command) from None
    except DependencyFailure as error:
        error.remedy = f"{error.remedy} {subject[0].upper()}{subject[1:]} goes on meanwhile: `{command}`."
        raise
