"""A public address, and where requests for it go, are two things."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer, ThreadingUnixStreamServer
from types import SimpleNamespace

import pytest

from tenantry.errors import ServerNotStarted
from tenantry.model.address import Address, Upstream
from tenantry.odoo.probe import Route
from tenantry.odoo.rpc import browser
from tenantry.operations.context import address_of

pytestmark = pytest.mark.unit


class NeverRan:
    @property
    def port(self) -> int:
        raise ServerNotStarted("The tenant server", "it was never started", Path("log"))


def settings(protocol: str) -> SimpleNamespace:
    return SimpleNamespace(protocol=protocol, base_domain="example.com")


@pytest.mark.parametrize(
    ("protocol", "hostname", "url"),
    [
        ("http", "", "http://acme.example.com:8069"),
        ("http", "shop.acme.example", "http://shop.acme.example:8069"),
        ("https", "", "https://acme.example.com"),
        ("https", "shop.acme.example", "https://shop.acme.example"),
    ],
)
def test_an_address_has_a_port_unless_a_proxy_stands_before_the_front(protocol: str, hostname: str, url: str):
    found = address_of(settings(protocol), SimpleNamespace(port=8069), "acme", hostname)
    assert (found.url, f"{protocol}://{found.authority}") == (url, url)


def test_behind_a_proxy_an_address_is_known_before_anything_runs():
    assert address_of(settings("https"), NeverRan(), "acme").url == "https://acme.example.com"
    with pytest.raises(ServerNotStarted):
        address_of(settings("http"), NeverRan(), "acme")


class Echo(BaseHTTPRequestHandler):
    """Answers with the host it was asked for."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/web/login" else 404)
        self.end_headers()
        self.wfile.write(self.headers["Host"].encode())

    def log_message(self, *_args: object) -> None:
        """Nobody reads it."""


@contextmanager
def listening(server: BaseServer) -> Iterator[BaseServer]:
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("kind", ["port", "socket"])
def test_a_request_goes_to_the_upstream_and_asks_for_the_public_address(kind: str, tmp_path: Path):
    path = str(tmp_path / "upstream")
    server = (
        ThreadingUnixStreamServer(path, Echo)
        if kind == "socket"
        else ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    )
    with listening(server):
        upstream = (
            Upstream(socket=path) if kind == "socket" else Upstream("127.0.0.1", server.server_address[1])
        )
        route = Route(Address("https", "acme.example.com"), upstream)
        assert (route.get("/web/login"), route.get("/else")) == (200, 404)
        with browser(route) as visitor:
            assert visitor.get("/web/login").text == "acme.example.com"
