"""A master as this program uses it: ask, list, manage, and watch what it does."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

from tenantry.errors import DependencyFailure, InvalidValue
from tenantry.model.operations import OPERATIONS
from tenantry.model.progress import OnStep, ignore
from tenantry.model.secret import Secret
from tenantry.remote.client import Client
from tenantry.remote.errors import LeftRunning, OperationFailed, RequestFailed, RequestNotRunning
from tenantry.remote.following import follow, step_teller
from tenantry.remote.results import (
    Asked,
    Availability,
    Located,
    LogLine,
    Me,
    RemoteCreation,
    RemoteInstance,
    Request,
)

_PAGE = 500
_PART = re.compile(r"[A-Za-z0-9-]{1,64}")


class RemoteMaster:
    """Each method is one call unless it says otherwise; see `Client` for what they raise."""

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

    def manage(self, name: str, action: str, reason: str | None = None) -> dict[str, Any]:
        """Have it done; return at once."""
        confirm = name if action == "terminate" else None
        body = {"action": action, "reason": reason, "confirm": confirm}
        told: dict[str, Any] = self._api.post(f"/provisioning/manage_instance/{_part(name)}", body)["data"]
        return told

    def act(
        self, name: str, action: str, reason: str | None = None, on_step: OnStep = ignore
    ) -> RemoteInstance:
        """Have it done and watch it. Raises OperationFailed; LeftRunning on Ctrl-C."""
        self.manage(name, action, reason)
        tell = step_teller(action, name, on_step)
        with _watching(f"What was begun with {name}", f"tenantry instance show {name}"):
            done = follow(
                lambda: self.instance(name),
                lambda instance: instance.operation is None,
                lambda instance: tell(instance.step, instance.progress),
            )
        if not OPERATIONS[action].is_done(done.state, done.run_state, done.reason or ""):
            raise OperationFailed(name, action, done.reason or "")
        tell(action, 100.0)
        return done

    # ------------------------------------------------------------ requests

    def ask(self, **wishes: str | None) -> Asked:
        """Ask for an instance in the API's own words (A5)."""
        told = self._api.post("/instances", wishes)
        return Asked(str(told["instanceId"]), tuple(told.get("warnings", ())))

    def requests(self, limit: int, state: str | None = None) -> list[Request]:
        """The newest first; a call for each 500."""
        rows = self._rows("/provisioning/requests", limit, state=state)
        return [Request.of_status(row) for row in rows]

    def request(self, request_id: str) -> Request:
        told = self._api.get(f"/provisioning/request_status/{_part(request_id)}")["data"]
        return Request.of_status(told, request_id=request_id)

    def manage_request(self, request_id: str, action: str) -> Request:
        """Retry or cancel it. Two calls."""
        self._api.post(f"/provisioning/manage_request/{_part(request_id)}", {"action": action})
        return self.request(request_id)

    def create(self, on_step: OnStep = ignore, **wishes: str | None) -> RemoteCreation:
        """`ask` and `finish`, with the time it took."""
        began = time.monotonic()
        asked = self.ask(**wishes)
        creation = self.finish(asked.request_id, on_step)
        return replace(creation, duration_s=time.monotonic() - began, advice=asked.warnings)

    def finish(self, request_id: str, on_step: OnStep = ignore) -> RemoteCreation:
        """Watch a request to its end. Raises RequestFailed, RequestNotRunning; LeftRunning on Ctrl-C."""
        tell = step_teller("provision", request_id, on_step)
        with _watching("The creation", f"tenantry request show {request_id} --follow"):
            done = follow(
                lambda: self.request(request_id),
                lambda request: request.is_over,
                lambda request: tell(request.step, request.progress),
            )
            if done.state == "completed":
                tell("activate", 100.0)
                return self._creation(request_id)
        if done.state == "failed":
            raise RequestFailed(request_id, done.error or "")
        raise RequestNotRunning(request_id, done.state)

    def _creation(self, request_id: str) -> RemoteCreation:
        """What is told once it is ready: the password, this once."""
        told = self._api.get(f"/instances/{_part(request_id)}")
        password = told.get("adminPassword")
        return RemoteCreation(
            request_id=request_id,
            instance=Located(told["databaseName"], "active", told["instanceUrl"]),
            login=told["adminEmail"],
            password=Secret(password) if password else None,
        )

    # ------------------------------------------------------------ pages

    def _rows(self, path: str, limit: int | None, **wanted: Any) -> list[dict[str, Any]]:
        return list(islice(self._pages(path, min(limit or _PAGE, _PAGE), wanted), limit))

    def _pages(self, path: str, size: int, wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        before = None
        while True:
            told = self._api.get(path, limit=size, before=before, **wanted)
            yield from told["data"]
            before = told["next"]
            if before is None:
                return


def _part(name: str) -> str:
    """A name or an id as a part of an address. Raises InvalidValue."""
    if not _PART.fullmatch(name):
        raise InvalidValue("name", name, "letters, digits and dashes only")
    return name


@contextmanager
def _watching(subject: str, command: str) -> Iterator[None]:
    """Who stops watching, or cannot go on, is told how to find out what became of it."""
    try:
        yield
    except KeyboardInterrupt:
        raise LeftRunning(subject, command) from None
    except DependencyFailure as error:
        error.remedy = f"{error.remedy} {subject} goes on meanwhile: `{command}`."
        raise
