"""The REST API: its response times, and the number of status polls that it can serve per second."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPConnection
from typing import Any

from tests.support.api_client import make_keys, set_hourly_limit
from tests.support.back_office import BackOffice
from tests.support.mail_server import serving

from bench.figures import Figure, MeasurementFailed
from bench.installation import TEMPLATE, Installation
from bench.load import place_of
from bench.waiting import wait_for_crons, wait_for_jobs
from tenantry.model.secret import Secret

_POLL_S = 0.02
_TIMEOUT_S = 60
_CLIENTS = 4
_BURST_S = 5
_BARE = "/web/health"


class Client:
    """A program with a key; Odoo's threaded server gives each request a connection of its own."""

    def __init__(self, installation: Installation, key: Secret | None = None) -> None:
        route = installation.engine.master.runtime.route
        self._connection = HTTPConnection(*place_of(route), timeout=_TIMEOUT_S)
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key.reveal()}"

    def ask(self, path: str, body: dict[str, str] | None = None) -> Any:
        """The answer, decoded; raise MeasurementFailed for a refusal."""
        method, sent = ("GET", None) if body is None else ("POST", json.dumps(body))
        self._connection.request(method, path, sent, self._headers)
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status not in (200, 202):
            raise MeasurementFailed(f"{method} {path} was answered with {answer.status}")
        return json.loads(told)

    def time(self, path: str, body: dict[str, str] | None = None) -> tuple[float, Any]:
        began = time.monotonic()
        told = self.ask(path, body)
        return time.monotonic() - began, told


def api(installation: Installation) -> list[Figure]:
    """Ask for instances, whose jobs run; then for how one of them is, alone and from many sides."""
    office = BackOffice(installation.engine)
    set_hourly_limit(office, 0)
    wait_for_crons(office)
    try:
        with serving(office):
            return _measure(installation, office, Secret(make_keys(installation.engine)["api-manager"]))
    finally:
        set_hourly_limit(office, 100)


def _measure(installation: Installation, office: BackOffice, key: Secret) -> list[Figure]:
    count = installation.plan.posts + 1
    installation.engine.pool.fill(TEMPLATE, count)
    client = Client(installation, key)
    (first, *posts), asked = zip(*(_create(client, office, number) for number in range(count)), strict=True)
    path = f"/api/provisioning/request_status/{asked[-1]}"
    polls = tuple(client.time(path)[0] for _ in range(installation.plan.polls))
    floor = tuple(client.time(_BARE)[0] for _ in range(installation.plan.polls))
    burst, bare_burst = ((_burst(installation, key, asked),) for asked in (path, _BARE))
    return [
        Figure("api_post", "API: POST of a creation answers", "s", tuple(posts), "its job runs after it"),
        Figure("api_post_first", "API: the first POST after settings changed", "s", (first,), "empty caches"),
        Figure("api_status", "API: status of a request", "s", polls),
        Figure("api_floor", "Floor: Odoo's /web/health, no database", "s", floor),
        Figure("api_polls", "API: status polls, several asking", "/s", burst, f"{_CLIENTS} clients"),
        Figure("api_floor_polls", "Floor: the same of /web/health", "/s", bare_burst, f"{_CLIENTS} clients"),
    ]


def _create(client: Client, office: BackOffice, number: int) -> tuple[float, str]:
    """The seconds until the answer, and the request. Waits for the job that it started."""
    wishes = {
        "clientName": f"posted-{number:02d}",
        "adminEmail": f"admin@posted-{number:02d}.example",
        "companyName": f"Posted {number}",
        "template": TEMPLATE,
    }
    took_s, told = client.time("/api/instances", wishes)
    _wait_until_ready(client, told["instanceId"])
    wait_for_jobs(office)
    return took_s, told["instanceId"]


def _wait_until_ready(client: Client, reference: str) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while (status := client.ask(f"/api/instances/{reference}")["status"]) != "ready":
        if status == "failed" or time.monotonic() > deadline:
            raise MeasurementFailed(f"a creation by the API is {status}")
        time.sleep(_POLL_S)


def _burst(installation: Installation, key: Secret, path: str) -> float:
    """Polls a second, asked by several clients of this same machine without a pause."""
    counts = [0] * _CLIENTS
    end = time.monotonic() + _BURST_S

    def poll(number: int) -> None:
        client = Client(installation, key)
        while time.monotonic() < end:
            client.ask(path)
            counts[number] += 1

    threads = [threading.Thread(target=poll, args=(number,)) for number in range(_CLIENTS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not all(counts):
        raise MeasurementFailed("a client got no answer")
    return sum(counts) / (time.monotonic() - began)
