"""The front: hosts reach their tenants' sockets, all others get pages."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.front import SCRIPT, Answer, Front, Tenant
from tests.support.waiting import wait_until

from tenantry import process
from tenantry.edge import caddy
from tenantry.errors import CaddyNotFound, InvalidValue

DATABASE_MANAGER = "/web/database/manager"
JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module", params=["caddy", "nginx"])
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    """The properties of every configuration of the front."""
    front = Front(request.param)
    yield front
    front.stop()


@pytest.fixture(scope="module")
def patient() -> Iterator[Front]:
    """Caddy as it is set up."""
    front = Front("caddy")
    yield front
    front.stop()


@pytest.fixture(scope="module")
def hasty() -> Iterator[Front]:
    """Caddy that has no patience, for tests that would have to wait for a minute."""
    front = Front("caddy", stall_timeout_s=1, retry_s=1)
    yield front
    front.stop()


@pytest.fixture(scope="module")
def acme(front: Front) -> Tenant:
    front.hosts.link("shop.acme.example", "acme.localhost")
    return front.serve("acme.localhost")


def run(task: Callable[[], Any]) -> Callable[[], Any]:
    """Begin a task in a thread; the result waits for its end."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(task()), daemon=True)
    thread.start()

    def result() -> Any:
        thread.join(30)
        assert results, "the task failed, see above"
        return results[0]

    return result


# ---------------------------------------------------------------- which host


@pytest.mark.parametrize("host", ["acme.localhost", "shop.acme.example"])
def test_a_tenant_is_served_at_its_socket_and_at_a_link_to_it(front: Front, acme: Tenant, host: str):
    assert front.ask(host).text == "served by a tenant"


@pytest.mark.parametrize(
    "host", ["ACME.localhost:8069", "acme.localhost.", "AcMe.LoCaLhOsT.:8069", "acme.localhost:"]
)
def test_capitals_a_port_and_the_last_dot_make_no_difference(front: Front, acme: Tenant, host: str):
    assert front.ask(host).text == "served by a tenant"


def test_every_letter_of_the_alphabet_is_looked_up_in_lower_case(front: Front, acme: Tenant):
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789-z.localhost"
    front.serve(alphabet)
    assert front.ask(alphabet.upper()).text == "served by a tenant"


@pytest.mark.parametrize("host", ["beta.localhost", "localhost", "acme", "www.acme.localhost", "127.0.0.1"])
def test_an_unknown_host_gets_a_page_with_404_at_once(front: Front, acme: Tenant, host: str):
    began = time.monotonic()
    answer = front.ask(host)
    assert answer.status == 404
    assert "Nothing lives here" in answer.text
    assert "acme" not in answer.text
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "host",
    ["_x.localhost", "spare_tiny_1.localhost", "template_tiny.localhost", "-x.localhost", "x_y.localhost"],
)
def test_a_socket_whose_name_is_no_host_name_is_never_reached(front: Front, acme: Tenant, host: str):
    secret = front.serve(host)
    assert front.ask(host).status == 404
    assert not secret.requests


@pytest.mark.parametrize(
    "host",
    [
        "acme localhost",
        "acme.localhost/x",
        "../h/acme.localhost",
        ".acme.localhost",
        "acme..localhost",
        "acme.localhost..",
        "acme.localhost:80x",
        "acme.localhost:8069:8069",
        "user@acme.localhost",
        "acme.localhost\x00",
        "acme.local\x01host",
        "acme.localhost\x7f",
        "acme.localhost\\",
        "acme.localhost,beta.localhost",
        "[acme.localhost]",
        "acmé.localhost",
        "a" * 300,
        "{env.HOME}.localhost",
        "acme.local*",
    ],
)
def test_a_malformed_host_is_refused(front: Front, acme: Tenant, host: str):
    before = len(acme.requests)
    status = front.status_of(b"GET / HTTP/1.1\r\nHost: " + host.encode() + b"\r\nConnection: close\r\n\r\n")
    assert status in ((400,) if front.kind == "caddy" else (400, 404))
    assert len(acme.requests) == before


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: acme.localhost\r\nHost: beta.localhost\r\n\r\n",
    ],
)
def test_a_request_without_a_host_or_with_two_reaches_no_tenant(front: Front, acme: Tenant, raw: bytes):
    before = len(acme.requests)
    assert front.status_of(raw) in (400, 404)
    assert len(acme.requests) == before


def test_an_address_in_the_request_line_wins_over_the_host_and_both_are_passed_on_as_one(
    front: Front, acme: Tenant
):
    front.serve("other.localhost")
    raw = b"GET http://acme.localhost/absolute HTTP/1.1\r\nHost: other.localhost\r\nConnection: close\r\n\r\n"
    assert front.status_of(raw) == 200
    assert acme.requests[-1].headers["host"] == acme.requests[-1].headers["x-forwarded-host"]
    assert acme.requests[-1].headers["host"].startswith("acme.localhost")


def test_a_longer_name_than_a_socket_can_have_is_an_unknown_host(patient: Front):
    assert patient.ask(f"{'a' * 60}.{'b' * 60}.{'c' * 60}.localhost").status == 404


def test_the_longest_host_name_is_served(patient: Front):
    longest = caddy.longest_host(PurePosixPath(patient.hosts.folder))
    host = "a" * (longest - len(".localhost")) + ".localhost"
    tenant = patient.serve(host)
    assert patient.ask(host).status == 200
    assert tenant.requests


_SPELLINGS = st.from_regex(r"(?i)[ac._:{-]?[acme]{1,4}\.?localhost[.:]{0,2}[0-9]{0,6}", fullmatch=True)
_ODDITIES = st.text("acmelohst.ACMELOHST-_:/\\ \t%@[]{}*~?#\x00\x7fé0189", max_size=40)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(host=_SPELLINGS | _ODDITIES | st.sampled_from(["acme.localhost", "ACME.LOCALHOST.:1"]))
def test_only_the_spellings_of_its_own_host_reach_a_tenant(front: Front, acme: Tenant, host: str):
    before = len(acme.requests)
    status = front.status_of(b"GET / HTTP/1.1\r\nHost: " + host.encode() + b"\r\nConnection: close\r\n\r\n")
    name, _, port = host.strip(" \t").partition(":")
    is_acme = name.lower().removesuffix(".") == "acme.localhost" and (not port or port.isdigit())
    if status == 200:
        assert is_acme
    else:
        assert status in (400, 404)
        assert len(acme.requests) == before


# ---------------------------------------------------------------- pages for all other hosts


@pytest.mark.parametrize("host", ["acme.localhost", "beta.localhost", "spare_tiny_1.localhost", ""])
def test_health_is_answered_whatever_the_host(front: Front, acme: Tenant, host: str):
    answer = front.ask(host, "/tenantry/health")
    assert (answer.status, answer.body) == (200, b'{"status": "pass"}')
    assert answer.headers["content-type"] == "application/json"


STATES = {
    "suspended": ("3600", "This Odoo is suspended", "Cet Odoo est suspendu", "Odoo này đang bị tạm ngưng"),
    "stopped": ("60", "This Odoo is stopped", "Cet Odoo est arrêté", "Odoo này đang dừng"),
    "preparing": ("2", "This Odoo is being prepared", "Cet Odoo est en préparation", "đang được chuẩn bị"),
}


@pytest.mark.parametrize("state", STATES)
def test_a_tenant_that_is_not_served_gets_a_page_in_the_visitors_language(front: Front, state: str):
    retry_after, english, french, vietnamese = STATES[state]
    front.hosts.mark(f"{state}.localhost", f".{state}")
    asked = {"en-GB,en;q=0.9": english, "fr-CA, fr;q=0.9, en;q=0.1": french, "vi": vietnamese}
    asked |= {"de-DE,de;q=0.9,fr;q=0.5,en;q=0.3": french, "de": english, "": english, "freely": english}
    for language, title in asked.items():
        answer = front.ask(f"{state}.localhost", Accept_Language=language)
        assert (answer.status, answer.headers["retry-after"]) == (503, retry_after)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert title in answer.text
        assert "HTTP 503" in answer.text


@pytest.mark.parametrize("state", STATES)
def test_a_program_gets_json(front: Front, state: str):
    front.hosts.mark(f"{state}.localhost", f".{state}")
    for headers in (JSON, {"Content-Type": "application/json"}, {"Accept": "application/problem+JSON"}):
        answer = front.ask(f"{state}.localhost", "/api", "POST", b"{}", **headers)
        assert (answer.status, answer.error_code) == (503, "INVALID_STATE")
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["retry-after"] == STATES[state][0]
    assert front.ask("beta.localhost", **JSON).error_code == "INSTANCE_NOT_FOUND"


@pytest.mark.parametrize(
    ("host", "path"),
    [("beta.localhost", "/"), ("gone.localhost", "/"), ("acme.localhost", DATABASE_MANAGER)],
)
def test_no_page_is_kept_or_indexed_or_runs_anything(front: Front, acme: Tenant, host: str, path: str):
    front.hosts.mark("gone.localhost", ".suspended")
    for headers in ({}, JSON, {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, {"Range": "bytes=0-1"}):
        answer = front.ask(host, path, **headers)
        assert answer.status in (404, 503)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-robots-tag"] == "noindex"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
        assert not {"etag", "last-modified", "accept-ranges"} & set(map(str.lower, answer.headers))
        assert headers == JSON or f"HTTP {answer.status}" in answer.text
        assert len(answer.body) > 100


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_every_method_gets_the_same_answer(front: Front, method: str):
    answer = front.ask("beta.localhost", "/", method)
    assert answer.status == 404
    assert "Nothing lives here" in answer.text


def test_head_gets_no_body(front: Front):
    with front.connect() as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: beta.localhost\r\nConnection: close\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 404")
    assert answer.endswith(b"\r\n\r\n")
    assert b"<html" not in answer


def test_a_tenants_own_refusals_are_its_own(front: Front, acme: Tenant):
    """The front's pages are only for its own refusals."""
    assert front.ask("acme.localhost", "/any/not_found").text == "no such page of the tenant"


def test_a_tenant_that_comes_back_is_served_at_once(front: Front):
    front.serve("back.localhost")
    front.hosts.mark("back.localhost", ".suspended")
    assert front.ask("back.localhost").status == 503
    front.serve("back.localhost")
    assert front.ask("back.localhost").status == 200


# ---------------------------------------------------------------- closed paths


@pytest.mark.parametrize(
    "path",
    [
        DATABASE_MANAGER,
        "/web/database",
        "/web/database/selector?next=/",
        "/web/databases",
        "/web//database/manager",
        "//web/database/manager",
        "/web/%64atabase/manager",
        "/web%2Fdatabase%2Fmanager",
        "/WEB/Database/manager",
        "/web/./database/manager",
        "/web/x/../database/manager",
        "/x/%2e%2e/web/database/manager",
        "/fr/web/database/manager",
        "/vi_VN/web/database/manager",
        "/sr@latin/web//database/create",
    ],
)
def test_the_database_manager_is_closed_however_it_is_written(front: Front, acme: Tenant, path: str):
    before = len(acme.requests)
    answer = front.ask("acme.localhost", path)
    assert answer.status == 404
    assert "This page is closed" in answer.text
    assert front.ask("acme.localhost", path, "POST", b"x", **JSON).error_code == "FORBIDDEN"
    assert len(acme.requests) == before


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(min_value=0))
def test_no_way_to_write_the_database_managers_path_reaches_a_tenant(front: Front, acme: Tenant, seed: int):
    chance = random.Random(seed)
    written = "".join(_written(letter, chance) for letter in DATABASE_MANAGER)
    before = len(acme.requests)
    assert front.ask("acme.localhost", "/" + written.lstrip("/")).status == 404
    assert len(acme.requests) == before


def _written(letter: str, chance: random.Random) -> str:
    ways = [letter, letter, f"%{ord(letter):02x}", f"%{ord(letter):02X}", letter.upper()]
    if letter == "/":
        ways += ["//", "/./", "/a/../", "/%2e/", "/b/%2E%2e/"]
    return chance.choice(ways)


@pytest.mark.parametrize(
    "target",
    ["x:web/database", "x:%2fweb/database", "http:web/database", "web/database", "*", "/web/data\tbase"],
)
def test_a_target_that_odoo_would_read_differently_is_refused(front: Front, acme: Tenant, target: str):
    before = len(acme.requests)
    raw = f"GET {target} HTTP/1.1\r\nHost: acme.localhost\r\nConnection: close\r\n\r\n"
    assert front.status_of(raw.encode()) == 400
    assert len(acme.requests) == before


@pytest.mark.parametrize("path", ["/web/data", "/blog/web/database-news", "/web?redirect=/web/database"])
def test_other_paths_are_open(front: Front, acme: Tenant, path: str):
    assert front.ask("acme.localhost", path).text == "served by a tenant"


@pytest.mark.parametrize("path", ["/a%2Fb//c%20d?x=%2F&y=a+b", "/%C3%A9t%C3%A9", "/a;b=c/../d", "/%25x"])
def test_a_tenant_gets_the_path_as_it_was_written(front: Front, acme: Tenant, path: str):
    front.ask("acme.localhost", path)
    assert acme.requests[-1].path == path


# ---------------------------------------------------------------- headers


def test_forwarding_headers_of_clients_reach_no_tenant(front: Front, acme: Tenant):
    lies = [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Server",
        "X-Forwarded-Prefix",
        "X-Forwarded-Ssl",
        "Forwarded",
        "X-Real-IP",
        "X-Odoo-Database",
        "Front-End-Https",
        "X-Sendfile-Type",
        "X-Accel-Mapping",
        "X-Original-URL",
        "X-Scheme",
        "X-Url-Scheme",
        "X-Rewrite-URL",
        "X-Client-IP",
        "True-Client-IP",
        "Proxy",
    ]
    front.ask("ACME.localhost:4444", **dict.fromkeys([*lies, *map(str.lower, lies)], "lie"))
    headers = acme.requests[-1].headers
    assert "lie" not in " ".join(headers.values())
    assert headers["host"] == "acme.localhost:4444"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-host"] == "acme.localhost:4444"


def test_a_header_with_underscores_does_not_pass_for_another(front: Front, acme: Tenant):
    raw = (
        b"GET / HTTP/1.1\r\nHost: acme.localhost\r\nX_Forwarded_Host: lie\r\n"
        b"X_Odoo_Database: lie\r\nConnection: close\r\n\r\n"
    )
    assert front.status_of(raw) == 200
    assert "lie" not in acme.requests[-1].headers.values()


def test_a_connection_header_cannot_take_ours_away(front: Front, acme: Tenant):
    front.ask("acme.localhost", Connection="close, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto")
    assert acme.requests[-1].headers["x-forwarded-for"] == "127.0.0.1"
    assert acme.requests[-1].headers["x-forwarded-host"] == "acme.localhost"
    assert acme.requests[-1].headers["x-forwarded-proto"] == "http"


def test_cookies_and_other_headers_pass(front: Front, acme: Tenant):
    front.ask("acme.localhost", Cookie="session_id=abc", Authorization="Bearer x", X_Custom="y")
    headers = acme.requests[-1].headers
    assert "accept-encoding" not in headers
    assert (headers["cookie"], headers["authorization"], headers["x-custom"]) == (
        "session_id=abc",
        "Bearer x",
        "y",
    )


@pytest.mark.parametrize(("protocol", "added"), [("http", ""), ("https", "; Secure; SameSite=Lax")])
def test_with_tls_a_session_is_sent_over_tls_only_and_not_with_forms_of_other_sites(
    protocol: str, added: str
):
    front = Front("caddy", protocol=protocol)
    try:
        front.serve("acme.localhost")
        cookies = front.ask("acme.localhost", "/cookies").headers.get_all("Set-Cookie")
        assert cookies == [f"session_id=abc; HttpOnly; Path=/{added}", "frontend_lang=fr_FR; Path=/"]
    finally:
        front.stop()


def test_with_https_the_proxys_forwarding_headers_are_trusted():
    front = Front("caddy", protocol="https")
    try:
        acme = front.serve("acme.localhost")
        front.ask("acme.localhost", X_Forwarded_For="6.6.6.6, 203.0.113.7", X_Forwarded_Proto="http")
        front.ask("acme.localhost")
        front.ask("acme.localhost", X_Forwarded_For="lie")
        asked, direct, lied = (request.headers for request in acme.requests)
        assert asked["x-forwarded-for"] == "203.0.113.7"
        assert asked["x-forwarded-proto"] == "https"
        assert asked["x-forwarded-host"] == "acme.localhost"
        assert direct["x-forwarded-for"] == lied["x-forwarded-for"] == "127.0.0.1"
    finally:
        front.stop()


def test_answers_have_no_server_header(front: Front, acme: Tenant):
    assert "Python" not in str(front.ask("acme.localhost").headers["server"])


def test_the_size_of_request_and_response_headers_is_limited(front: Front, acme: Tenant):
    before = len(acme.requests)
    # A client that is still sending when the connection is closed may not see the answer.
    with contextlib.suppress(ConnectionError):
        assert front.ask("acme.localhost", X_Boast="a" * 100_000).status in (400, 431)
    assert len(acme.requests) == before
    answer = front.ask("acme.localhost", "/boast")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize("method", ["CONNECT", "TRACE"])
def test_no_tunnel_is_opened(front: Front, acme: Tenant, method: str):
    target = "acme.localhost:80" if method == "CONNECT" else "/"
    before = len(acme.requests)
    raw = f"{method} {target} HTTP/1.1\r\nHost: acme.localhost\r\n\r\n"
    assert front.status_of(raw.encode()) in (400, 405)
    assert len(acme.requests) == before


# ---------------------------------------------------------------- waiting, and not sending twice


def test_a_request_waits_in_the_backlog_until_the_process_is_awake(front: Front):
    sleeper = front.listen("sleeper.localhost")
    sleeper.accept_in(1)
    assert front.ask("sleeper.localhost", "/", "POST", b"hello").status == 200
    assert [request.size_bytes for request in sleeper.requests] == [5]


def test_a_request_waits_while_a_socket_refuses_or_is_replaced(patient: Front):
    old = patient.listen("restart.localhost")
    old.close()
    answers = [
        run(lambda method=method: patient.ask("restart.localhost", "/", method, b"hello"))
        for method in ("GET", "POST", "PUT")
    ]
    time.sleep(0.3)
    old.socket_file.unlink()
    time.sleep(0.3)
    new = patient.serve("restart.localhost")
    assert [answer().status for answer in answers] == [200, 200, 200]
    assert sorted(request.method for request in new.requests) == ["GET", "POST", "PUT"]


def test_no_request_fails_during_a_restart(patient: Front):
    tenant = patient.serve("busy.localhost")
    stop = threading.Event()
    answers: list[Answer] = []

    def visit() -> None:
        while not stop.is_set():
            answers.append(patient.ask("busy.localhost", "/", "POST", b"x"))

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    for _ in range(3):
        time.sleep(0.2)
        # What has connected is answered: a process ends when it has no more to do.
        following = patient.serve("busy.localhost")
        time.sleep(0.1)
        tenant.close()
        tenant = following
    stop.set()
    for visitor in visitors:
        visitor.join()
    assert len(answers) > 20
    assert {answer.status for answer in answers} == {200}


def test_a_request_waits_while_the_backlog_is_full(patient: Front):
    crowded = patient.listen("crowded.localhost")
    crowded.listener.listen(0)
    with contextlib.ExitStack() as waiting, contextlib.suppress(BlockingIOError):
        for _ in range(5):
            client = waiting.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            client.connect(str(crowded.socket_file))
    answer = run(lambda: patient.ask("crowded.localhost", "/", "POST", b"hello"))
    time.sleep(0.3)
    crowded.accept()
    assert answer().status == 200
    assert crowded.count("/") == 1


def test_visitors_get_a_page_when_a_socket_refuses_for_long(hasty: Front):
    hasty.listen("dead.localhost").close()
    began = time.monotonic()
    answer = hasty.ask("dead.localhost", Accept_Language="fr")
    assert 0.9 < time.monotonic() - began < 5
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert "De retour dans un instant" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    answer = hasty.ask("dead.localhost", "/", "POST", b"{}", **JSON)
    assert (answer.status, answer.error_code) == (503, "INTERNAL_ERROR")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
def test_a_request_that_was_sent_is_never_sent_again(front: Front, acme: Tenant, method: str):
    path = f"/{method}/die"
    answer = front.ask("acme.localhost", path, method, b"x" if method in ("POST", "PUT") else None)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert acme.count(path) == 1


# ---------------------------------------------------------------- long, large and two-way


def test_a_websocket_is_passed_on_both_ways(front: Front, acme: Tenant):
    with websocket(front, "acme.localhost") as connection:
        for message in (b"hello", b"\x00\xff" * 100):
            connection.sendall(message)
            assert connection.recv(len(message), socket.MSG_WAITALL) == message


@contextlib.contextmanager
def websocket(front: Front, host: str) -> Iterator[socket.socket]:
    with front.connect() as connection:
        connection.sendall(
            f"GET /websocket?version=1 HTTP/1.1\r\nHost: {host}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Accept-Encoding: gzip\r\n\r\n".encode()
        )
        assert front.receive(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 101")
        yield connection


def test_no_other_protocol_is_switched_to(front: Front, acme: Tenant):
    answer = front.ask(
        "acme.localhost", Upgrade="h2c", Connection="Upgrade, HTTP2-Settings", HTTP2_Settings="AA"
    )
    assert answer.status == 200
    assert "upgrade" not in acme.requests[-1].headers
    assert acme.requests[-1].headers["connection"] == "close"


def test_a_websocket_may_be_silent_for_longer_than_a_client_may_stall(hasty: Front):
    hasty.serve("acme.localhost")
    with websocket(hasty, "acme.localhost") as connection:
        for _ in range(2):
            time.sleep(1.2)
            connection.sendall(b"still here")
            assert connection.recv(10, socket.MSG_WAITALL) == b"still here"


@pytest.mark.parametrize("size", [0, 3, 1_000_000])
def test_an_answer_may_take_longer_than_a_client_may_stall(hasty: Front, size: int):
    hasty.serve("acme.localhost")
    assert hasty.ask("acme.localhost", "/slow", "POST", b"x" * size).status == 200


def test_a_kept_connection_may_be_silent_for_longer_than_a_client_may_stall(hasty: Front):
    hasty.serve("acme.localhost")
    connection = http.client.HTTPConnection("127.0.0.1", hasty.port, timeout=10)
    with contextlib.closing(connection):
        connection.connect()
        kept = connection.sock
        for path, status in (("/", 200), ("/script.js", 304), ("/", 200)):
            connection.request("GET", path, headers={"Host": "acme.localhost", "If-None-Match": '"v1"'})
            response = connection.getresponse()
            response.read()
            assert response.status == status
            assert connection.sock is kept
            time.sleep(1.2)


def test_a_stalled_upload_does_not_keep_the_tenant(hasty: Front):
    acme = hasty.serve("stalled.localhost")
    with hasty.connect() as connection:
        connection.sendall(b"POST /up HTTP/1.1\r\nHost: stalled.localhost\r\nContent-Length: 9999\r\n\r\nabc")
        assert acme.first_bytes.wait(5)
        wait_until(lambda: acme.cut == ["/up"])


def test_a_stalled_download_does_not_keep_the_tenant(hasty: Front):
    acme = hasty.serve("unread.localhost")
    size = 64 * 1024**2
    with hasty.connect() as connection:
        connection.sendall(f"GET /download?{size} HTTP/1.1\r\nHost: unread.localhost\r\n\r\n".encode())
        wait_until(lambda: acme.cut == [f"/download?{size}"])


def test_a_client_that_never_completes_its_headers_is_disconnected(hasty: Front):
    with hasty.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: acme.localhost\r\nX-Slow: ")
        connection.settimeout(5)
        assert connection.recv(1000) == b""


def test_a_slow_upload_that_continues_is_not_disconnected(hasty: Front):
    acme = hasty.serve("steady.localhost")
    with hasty.connect() as connection:
        connection.sendall(b"POST /up HTTP/1.1\r\nHost: steady.localhost\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            time.sleep(0.2)
            connection.sendall(b"x")
        assert connection.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"
    assert acme.requests[-1].size_bytes == 8


def test_an_upload_is_streamed(patient: Front):
    acme = patient.serve("upload.localhost")

    def body() -> Iterator[bytes]:
        yield b"first"
        assert acme.first_bytes.wait(5)
        yield b"second"

    answer = patient.ask("upload.localhost", "/up", "POST", body(), Transfer_Encoding="chunked")
    assert answer.status == 200
    assert acme.requests[-1].size_bytes == len("firstsecond")


def test_an_answer_is_streamed(patient: Front):
    acme = patient.serve("stream.localhost")
    with patient.connect() as connection:
        connection.sendall(b"GET /stream HTTP/1.1\r\nHost: stream.localhost\r\nAccept-Encoding: gzip\r\n\r\n")
        connection.settimeout(5)
        patient.receive(connection, b"first")
        acme.go_on.set()
        patient.receive(connection, b"second")


def test_large_bodies_are_not_held_in_memory(patient: Front):
    acme = patient.serve("large.localhost")
    caddys = psutil.Process(patient.pid)
    patient.ask("large.localhost")
    before = caddys.memory_info().rss
    size = 120 * 1024**2
    chunks = (bytes(1024**2) for _ in range(120))
    headers = {"Content-Length": str(size)}
    assert patient.ask("large.localhost", "/up", "POST", chunks, **headers).status == 200
    assert acme.requests[-1].size_bytes == size
    assert len(patient.ask("large.localhost", f"/download?{size}").body) == size
    assert caddys.memory_info().rss - before < 40 * 1024**2


def test_a_body_above_odoos_limit_is_refused(patient: Front):
    acme = patient.serve("huge.localhost")
    size = caddy.MAX_BODY_BYTES + 1
    with patient.connect() as connection:
        head = f"POST /up HTTP/1.1\r\nHost: huge.localhost\r\nContent-Length: {size}\r\n\r\n"
        connection.sendall(head.encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(size // 1024**2 + 1):
                connection.sendall(bytes(1024**2))
        assert connection.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 413"
    assert not acme.requests


def test_an_uncompressed_answer_is_compressed_and_keeps_its_etag(front: Front, acme: Tenant):
    answer = front.ask("acme.localhost", "/script.js", Accept_Encoding="gzip")
    assert gzip.decompress(answer.body) == SCRIPT
    tag = answer.headers["etag"]
    again = front.ask("acme.localhost", "/script.js", Accept_Encoding="gzip", If_None_Match=tag)
    assert (again.status, again.body) == (304, b"")
    assert front.ask("acme.localhost", "/script.js").body == SCRIPT


def test_a_compressed_answer_stays_unchanged(front: Front, acme: Tenant):
    packed = front.ask("acme.localhost", "/packed.js", Accept_Encoding="gzip")
    assert gzip.decompress(packed.body) == SCRIPT
    photo = front.ask("acme.localhost", "/photo.jpg", Accept_Encoding="gzip")
    assert photo.body == SCRIPT
    assert not photo.headers["content-encoding"]


# ---------------------------------------------------------------- the program itself


def test_no_log_holds_a_token(hasty: Front):
    acme = hasty.serve("log.localhost")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        hasty.ask("log.localhost", "/half?token=hunter2", Cookie="id=hunter2", Referer="/?token=hunter2")
    hasty.ask("log.localhost", "/die?token=hunter2")
    acme.close()
    hasty.ask("log.localhost", "/?token=hunter2")
    log = hasty.log.read_text()
    assert "aborting with incomplete response" in log
    assert "hunter2" not in log


def test_a_request_that_is_being_served_is_finished_before_the_front_ends():
    front = Front("caddy")
    try:
        acme = front.serve("acme.localhost")
        answer = run(lambda: front.ask("acme.localhost", "/wait"))
        wait_until(lambda: acme.requests)
        os.kill(front.pid, signal.SIGTERM)
        time.sleep(0.3)
        with pytest.raises(ConnectionRefusedError):
            front.connect()
        acme.go_on.set()
        assert answer().status == 200
        wait_until(lambda: not process.is_running(front.pid, marker="caddy"))
    finally:
        front.stop()


def test_caddy_listens_at_one_port_and_leaves_no_files(patient: Front):
    listening = [c for c in psutil.Process(patient.pid).net_connections("inet") if c.status == "LISTEN"]
    assert [tuple(connection.laddr) for connection in listening] == [("127.0.0.1", patient.port)]
    assert not list(patient.home.iterdir())


def test_caddy_says_nothing_while_all_is_well():
    front = Front("caddy")
    front.serve("acme.localhost")
    for host in ("acme.localhost", "beta.localhost", "_x.localhost"):
        front.ask(host)
    said = [line for line in front.log.read_text().splitlines() if "admin endpoint disabled" not in line]
    front.stop()
    assert not said


def test_the_configuration_is_as_caddy_itself_formats_it(tmp_path):
    for protocol in ("http", "https"):
        text = caddy.caddyfile(
            interface="127.0.0.1",
            port=8069,
            hosts=PurePosixPath("/h"),
            pages=PurePosixPath("/p"),
            protocol=protocol,
        )
        file = tmp_path / "Caddyfile"
        file.write_text(text)
        assert process.run([caddy.caddy_program(), "fmt", file]) == text


@pytest.mark.parametrize("path", ["relative", "/with space", "/{env.HOME}", "/a\n}", "/"])
def test_a_path_with_special_characters_of_a_caddyfile_is_refused(path: str):
    with pytest.raises(InvalidValue, match="hosts folder"):
        caddy.caddyfile(
            interface="127.0.0.1",
            port=8069,
            hosts=PurePosixPath(path),
            pages=PurePosixPath("/p"),
            protocol="http",
        )


def test_a_missing_program_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(caddy, "_PACKAGE", "no-such-package")
    with pytest.raises(CaddyNotFound, match="Caddy") as failure:
        caddy.caddy_program()
    assert "no-such-package" in failure.value.remedy
