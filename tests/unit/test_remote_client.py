"""Calls over real connections: the requests, and the handling of lost or invalid answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.recording_master import Call, RecordingMaster, recording_master

from tenantry import __version__
from tenantry.model.secret import Secret
from tenantry.ports import free_port
from tenantry.remote.client import Client
from tenantry.remote.errors import MasterUnreachable, NotAMaster, RateLimited

_KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def master() -> Iterator[RecordingMaster]:
    with recording_master() as server:
        yield server


@pytest.fixture
def client(master: RecordingMaster) -> Client:
    return Client(master.url, Secret(_KEY))


_FINE = (200, {}, '{"success": true, "data": 1}')


def test_a_call_bears_the_key_and_says_which_program_it_is(master: RecordingMaster, client: Client):
    master.answers = [_FINE]
    assert client.get("/provisioning/me", state="active", search=None)["data"] == 1
    assert master.calls == [Call("GET", "/api/provisioning/me?state=active")]
    (call,) = master.calls
    assert call.own_headers == {"Accept-Language", "Authorization"}
    assert call.headers["Authorization"] == f"Bearer {_KEY}"
    assert call.headers["User-Agent"] == f"tenantry/{__version__}"
    assert call.headers["Accept-Language"] == "en"


def test_a_post_whose_answer_was_lost_is_sent_again_with_the_same_idempotency_key(
    master: RecordingMaster, client: Client
):
    master.answers = [None, _FINE]
    assert client.post("/instances", {"clientName": "acme", "plan": None})["success"]
    first, second = master.calls
    assert first == second == Call("POST", "/api/instances", {"clientName": "acme"})
    assert first.own_headers == {"Accept-Language", "Authorization", "Idempotency-Key"}
    assert first.headers == second.headers


def test_two_posts_have_keys_of_their_own(master: RecordingMaster, client: Client):
    master.answers = [_FINE, _FINE]
    client.post("/instances", {})
    client.post("/instances", {})
    assert master.calls == [Call("POST", "/api/instances", {})] * 2
    assert len({call.headers["Idempotency-Key"] for call in master.calls}) == 2


def test_a_master_that_never_answers_is_unreachable(master: RecordingMaster, client: Client):
    master.answers = [None, None, None]
    with pytest.raises(MasterUnreachable):
        client.post("/instances", {})
    assert master.calls == [Call("POST", "/api/instances", {})] * 3


def test_a_master_that_does_not_listen_is_unreachable_at_once():
    with pytest.raises(MasterUnreachable) as error:
        Client(f"http://127.0.0.1:{free_port()}", Secret(_KEY)).get("/provisioning/me")
    assert error.value.retryable
    assert _KEY not in f"{error.value} {error.value.remedy}"


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, "<html>hello</html>"),
        (200, {}, "[]"),
        (404, {}, "<html>not found</html>"),
        (302, {"Location": "https://elsewhere.example"}, ""),
    ],
)
def test_a_server_that_is_not_a_master_is_an_error_and_redirects_are_not_followed(
    master: RecordingMaster, client: Client, answer: Any
):
    master.answers = [answer]
    with pytest.raises(NotAMaster):
        client.get("/provisioning/me")
    assert master.calls == [Call("GET", "/api/provisioning/me")]


@pytest.mark.parametrize(("told", "waits_s"), [("7", 7), (None, 60), ("Wed, 21 Oct 2026 07:28:00 GMT", 60)])
def test_a_limit_tells_how_long_to_wait(
    master: RecordingMaster, client: Client, told: str | None, waits_s: int
):
    master.answers = [(429, {"Retry-After": told} if told else {}, "{}")]
    with pytest.raises(RateLimited) as error:
        client.get("/provisioning/me")
    assert error.value.retry_after_s == waits_s
    assert len(master.calls) == 1
