"""Calls over real connections: what is sent, and what becomes of answers that are lost or odd."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tenantry import __version__
from tenantry.model.secret import Secret
from tenantry.ports import free_port
from tenantry.remote.client import Client
from tenantry.remote.errors import MasterUnreachable, NotAMaster, RateLimited

_KEY = "0123456789abcdef0123456789abcdef01234567"


class Master(ThreadingHTTPServer):
    """Answers as it is told to; None closes the connection without an answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, dict[str, str], str] | None] = []
        self.seen: list[tuple[str, dict[str, str], Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Master

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.path, dict(self.headers), json.loads(body) if body else None))
        answer = self.server.answers.pop(0)
        if answer is None:
            self.close_connection = True
            return
        status, headers, text = answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = _answer

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def master() -> Iterator[Master]:
    server = Master()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client(master: Master) -> Client:
    return Client(master.url, Secret(_KEY))


_FINE = (200, {}, '{"success": true, "data": 1}')


def test_a_call_bears_the_key_and_says_which_program_it_is(master: Master, client: Client):
    master.answers = [_FINE]
    assert client.get("/provisioning/me", state="active", search=None)["data"] == 1
    (path, headers, _body) = master.seen[0]
    assert path == "/api/provisioning/me?state=active"
    assert headers["Authorization"] == f"Bearer {_KEY}"
    assert headers["User-Agent"] == f"tenantry/{__version__}"


def test_a_post_whose_answer_was_lost_is_sent_again_with_the_same_idempotency_key(
    master: Master, client: Client
):
    master.answers = [None, _FINE]
    assert client.post("/instances", {"clientName": "acme", "plan": None})["success"]
    first, second = master.seen
    assert first[1]["Idempotency-Key"] == second[1]["Idempotency-Key"]
    assert first[2] == second[2] == {"clientName": "acme"}


def test_two_posts_have_keys_of_their_own(master: Master, client: Client):
    master.answers = [_FINE, _FINE]
    client.post("/instances", {})
    client.post("/instances", {})
    assert len({headers["Idempotency-Key"] for _path, headers, _body in master.seen}) == 2


def test_a_master_that_never_answers_is_unreachable(master: Master, client: Client):
    master.answers = [None, None, None]
    with pytest.raises(MasterUnreachable):
        client.post("/instances", {})
    assert len(master.seen) == 3


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
def test_what_is_no_master_is_told_so_and_no_redirect_followed(master: Master, client: Client, answer: Any):
    master.answers = [answer]
    with pytest.raises(NotAMaster):
        client.get("/provisioning/me")
    assert len(master.seen) == 1


@pytest.mark.parametrize(("told", "waits_s"), [("7", 7), (None, 60), ("Wed, 21 Oct 2026 07:28:00 GMT", 60)])
def test_a_limit_tells_how_long_to_wait(master: Master, client: Client, told: str | None, waits_s: int):
    master.answers = [(429, {"Retry-After": told} if told else {}, "{}")]
    with pytest.raises(RateLimited) as error:
        client.get("/provisioning/me")
    assert error.value.retry_after_s == waits_s
