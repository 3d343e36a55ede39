"""What Railway answers becomes a value or a typed error; what is safe to repeat is repeated."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler

import pytest
from tests.support.railway import TOKEN, WORKSPACE, Railway, reply, running, serve
from tests.support.waiting import wait_until

from tenantry.errors import (
    NotYet,
    RailwayQuotaExceeded,
    RailwayRefused,
    RailwayTokenRefused,
    RailwayUnreachable,
)
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.secret import Secret
from tenantry.railway import documents
from tenantry.railway.account import Account
from tenantry.railway.client import Client

_ATTEMPTS = 4
LABEL = Label(kind=Kind.INSTANCE, state=State.PROVISIONING, identity="rail@mark")


@dataclass
class Pauses:
    """The pauses that were made, without making them."""

    made: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.made.append(seconds)


@pytest.fixture
def railway() -> Iterator[Railway]:
    with running() as started:
        yield started


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def account(railway: Railway, pauses: Pauses) -> Account:
    return Account(Client(railway.url, Secret(TOKEN), "rail", pause=pauses))


def test_a_request_is_sent_again_after_as_many_seconds_as_railway_says(
    account: Account, railway: Railway, pauses: Pauses
):
    railway.busy = [7, 3]
    assert account.workspace == WORKSPACE
    assert pauses.made == [7, 3]


def test_a_change_that_railway_was_too_busy_for_is_sent_again_too(
    account: Account, railway: Railway, pauses: Pauses
):
    _ = account.workspace
    railway.busy = [2]
    account.create_project("acme", LABEL)
    assert railway.names == ["acme"]
    assert pauses.made == [2]


def test_without_a_time_the_pauses_grow(account: Account, railway: Railway, pauses: Pauses):
    railway.busy = [None, None]
    assert account.workspace == WORKSPACE
    assert pauses.made == sorted(pauses.made)
    assert len(pauses.made) == 2


def test_an_hour_is_not_waited_for_but_told(account: Account, railway: Railway, pauses: Pauses):
    railway.busy = [3600]
    with pytest.raises(NotYet, match="rail waits for Railway") as waiting:
        _ = account.workspace
    assert waiting.value.after_s == 3600
    assert pauses.made == []


def test_railway_is_not_asked_forever(account: Account, railway: Railway, pauses: Pauses):
    railway.busy = [5] * 10
    with pytest.raises(NotYet) as waiting:
        _ = account.workspace
    assert waiting.value.after_s == 5
    assert pauses.made == [5] * (_ATTEMPTS - 1)


def test_a_question_whose_answer_is_lost_is_asked_again(account: Account, railway: Railway):
    railway.lost["apiToken"] = 1
    railway.unavailable["apiToken"] = 1
    assert account.workspace == WORKSPACE
    assert railway.asked["apiToken"] == 3


@pytest.mark.parametrize("trouble", ["lost", "unavailable"])
def test_a_change_whose_answer_is_lost_is_not_asked_for_again(
    account: Account, railway: Railway, trouble: str
):
    _ = account.workspace
    getattr(railway, trouble)["projectCreate"] = 1
    with pytest.raises(RailwayUnreachable):
        account.create_project("acme", LABEL)
    assert railway.asked["projectCreate"] == 1


def test_a_slow_answer_is_not_waited_for_forever(account: Account, railway: Railway):
    go_on = threading.Event()
    railway.before = lambda _name: go_on.wait(120) and None
    impatient = Account(replace(account.client, timeout_s=0.05))
    with pytest.raises(RailwayUnreachable, match="timed out"):
        _ = impatient.workspace
    go_on.set()
    wait_until(lambda: railway.asked["apiToken"] == _ATTEMPTS)


def test_nothing_listens_there(pauses: Pauses):
    with running() as railway:
        url = railway.url
    with pytest.raises(RailwayUnreachable, match=r"127\.0\.0\.1") as failure:
        Client(url, Secret(TOKEN), "rail", pause=pauses).send(documents.DELETE_PROJECT, id="x")
    assert failure.value.retryable
    assert len(pauses.made) == _ATTEMPTS - 1


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Not Authorized", RailwayTokenRefused),
        ("Free plan resource provision limit exceeded", RailwayQuotaExceeded),
        ("Your trial has expired. Please select a plan", RailwayQuotaExceeded),
        ("Problem processing request", RailwayRefused),
    ],
)
def test_a_refusal_is_told_by_its_cause(
    account: Account, railway: Railway, message: str, kind: type[Exception]
):
    _ = account.workspace
    railway.refusals["projectCreate"] = message
    with pytest.raises(kind, match=message):
        account.create_project("acme", LABEL)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html>maintenance</html>", RailwayUnreachable),
        (200, b"[]", RailwayUnreachable),
        (200, b"{}", RailwayUnreachable),
        (200, b'{"data": null}', RailwayUnreachable),
        (200, b'{"data": {"another": 1}}', RailwayUnreachable),
        (503, b"", RailwayUnreachable),
        (401, b"", RailwayTokenRefused),
        (200, b'{"errors": [{}], "data": {"projectDelete": true}}', RailwayRefused),
        (400, b'{"errors": "no query"}', RailwayRefused),
    ],
)
def test_any_other_answer_is_an_error_of_ours(status: int, body: bytes, kind: type[Exception]):
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers["Content-Length"]))
        reply(request, status, body)

    server = serve(answer)
    client = Client(f"http://127.0.0.1:{server.server_port}/", Secret(TOKEN), "rail")
    try:
        with pytest.raises(kind):
            client.send(documents.DELETE_PROJECT, id="x")
    finally:
        server.shutdown()
        server.server_close()


def test_a_long_message_of_railways_is_cut(account: Account, railway: Railway):
    _ = account.workspace
    railway.refusals["projectCreate"] = "no " * 1000
    with pytest.raises(RailwayRefused) as refusal:
        account.create_project("acme", LABEL)
    assert len(str(refusal.value)) < 400


def test_neither_the_token_nor_a_password_is_in_the_log(
    account: Account, railway: Railway, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    railway.busy = [1]
    project_id = account.create_project("acme", LABEL)
    account.create_service(account.project(project_id), "postgres")
    project = account.project(project_id)
    railway.unavailable["variableCollectionUpsert"] = 1
    account.set_variables(project, project.services["postgres"], {"POSTGRES_PASSWORD": "s3cret-0123"})
    assert "variableCollectionUpsert" in caplog.text
    assert TOKEN not in caplog.text
    assert "s3cret-0123" not in caplog.text
    assert TOKEN not in repr(account)


def test_all_pages_of_projects_are_read(account: Account, railway: Railway):
    for number in range(5):
        railway.add_foreign_project(f"shop-{number}")
    assert [project.name for project in account.projects()] == [f"shop-{number}" for number in range(5)]
    assert railway.asked["projects"] == 3
