"""The nginx configuration that the page on production prints, taken from it and run."""

from __future__ import annotations

import base64
import http.client
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tenantry import process
from tenantry.ports import free_port

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "production.md"
_BLOCK = re.compile(r"```nginx\n(.*?)```", re.DOTALL)
_OURS, _STRANGERS = "127.0.0.1", "127.0.0.2"
_SLOW_S = 66
_UPLOAD = b"x" * (5 * 2**20)


class Odoo(BaseHTTPRequestHandler):
    """Answers like Odoo: slowly at /slow, with a websocket at /websocket, else with the request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "websocket":
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            return
        if self.path == "/slow":
            time.sleep(_SLOW_S)
        body = f"{self.path} {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_arguments: object) -> None:
        pass


class Proxy:
    """nginx with both blocks of the page, before one server that stands for the front and the master."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nginx-page-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Odoo)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        file = self.folder / "nginx.conf"
        file.write_text(self._configuration())
        self.log = self.folder / "log"
        self.pid = process.start(("nginx", "-c", str(file), "-e", "stderr"), log=self.log)
        self._wait()

    def _configuration(self) -> str:
        printed = "\n".join(_BLOCK.findall(PAGE.read_text()))
        backend = f"127.0.0.1:{self.server.server_port}"
        for port in ("8069", "8070"):
            printed = printed.replace(f"127.0.0.1:{port}", backend)
        printed = printed.replace("server_name", f"listen {self.port}; server_name")
        printed = printed.replace("10.0.0.0/8", _OURS)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        folders = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in kinds)
        user = "user root;\n" if os.geteuid() == 0 else ""
        return (
            f"daemon off;\npid {self.folder}/pid;\nerror_log stderr crit;\n{user}"
            f"events {{}}\nhttp {{\naccess_log off;\n{folders}{printed}}}\n"
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.02)

    def ask(
        self,
        host: str,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        source: str = _OURS,
        **headers: str,
    ) -> tuple[int, str]:
        address = (source, 0)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120, source_address=address)
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, value in {"Host": host, "Content-Length": str(len(body or b"")), **headers}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, "" if answer.status == 101 else answer.read().decode()
        finally:
            connection.close()

    def stop(self) -> None:
        process.stop(self.pid)
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    found = Proxy()
    yield found
    found.stop()


HOSTS = ["acme.example.com", "office.example.com"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_large_file_is_taken(proxy: Proxy, host: str):
    assert proxy.ask(host, "/web/binary/upload", "POST", _UPLOAD) == (200, f"/web/binary/upload {host}")


@pytest.mark.parametrize("host", HOSTS)
def test_a_websocket_is_opened(proxy: Proxy, host: str):
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key = base64.b64encode(os.urandom(16)).decode()
    assert proxy.ask(host, "/websocket", **upgrade, **{"Sec-WebSocket-Key": key})[0] == 101


def test_both_servers_wait_for_a_slow_answer(proxy: Proxy):
    answers: dict[str, int] = {}

    def ask(host: str) -> None:
        answers[host] = proxy.ask(host, "/slow")[0]

    asking = [threading.Thread(target=ask, args=[host]) for host in HOSTS]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert answers == dict.fromkeys(HOSTS, 200)


@pytest.mark.parametrize(
    "path",
    ["/signup", "/signup/check?subdomain=a..b", "/api/provisioning/plans", "/logo.png", "/api/a...b?y=.."],
)
def test_public_pages_are_open_to_everybody(proxy: Proxy, path: str):
    assert proxy.ask("office.example.com", path, source=_STRANGERS) == (200, f"{path} office.example.com")


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/odoo", "/web/login", "/websocket", "/odoo/../signup", "/odoo/%2e%2e/signup"),
        *("/odoo/..%2fsignup", "/odoo/.%2E/signup", "/web/x/../../signup", "/odoo/..\\signup"),
        *("/signup/../odoo", "/signup/..?x", "/odoo/./../api/x", "/odoo//../signup", "/%6fdoo/../signup"),
    ],
)
def test_the_back_office_is_closed_to_other_networks(proxy: Proxy, path: str):
    assert proxy.ask("office.example.com", path, source=_STRANGERS)[0] in (400, 403)


@pytest.mark.parametrize("source", [_OURS, _STRANGERS])
def test_the_masters_own_jobs_are_closed_to_all(proxy: Proxy, source: str):
    assert proxy.ask("office.example.com", "/queue_job/runjob", source=source)[0] == 404
