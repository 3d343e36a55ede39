"""The proxies of the page on production: the files for nginx and Caddy in docs/examples, run as they are."""

from __future__ import annotations

import base64
import http.client
import os
import re
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tenantry import process
from tenantry.edge.caddy import caddy_program
from tenantry.ports import free_port

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
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
    """The proxy of an example, before one server that stands for the front and the master."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="proxy-example-"))
        self.folder.chmod(0o755)
        self.port, self.plain_port = free_port(), free_port()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Odoo)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.log = self.folder / "log"
        write_certificate(self.folder)
        self.pid = process.start(self._command(), log=self.log)
        self._wait()

    def _command(self) -> tuple[str, ...]:
        raise NotImplementedError

    def _example(self, name: str) -> str:
        """The file as it is, but for the ports, the certificate and the network of a test."""
        text = (EXAMPLES / name).read_text()
        for port in ("8069", "8070"):
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.server.server_port}")
        text = text.replace("/etc/letsencrypt/live/example.com", str(self.folder))
        return text.replace("10.0.0.0/8", f"{_OURS}/32")

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
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.sock = self._secure_socket(host, source)
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, value in {"Host": host, "Content-Length": str(len(body or b"")), **headers}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, "" if answer.status == 101 else answer.read().decode()
        finally:
            connection.close()

    def _secure_socket(self, host: str, source: str) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        address = ("127.0.0.1", self.port)
        plain = socket.create_connection(address, timeout=120, source_address=(source, 0))
        return context.wrap_socket(plain, server_hostname=host)

    def stop(self) -> None:
        process.stop(self.pid)
        self.server.shutdown()
        self.server.server_close()


class Caddy(Proxy):
    def _command(self) -> tuple[str, ...]:
        file = self.folder / "Caddyfile"
        ports = f"https_port {self.port}\n\thttp_port {self.plain_port}"
        own = f"{{\n\tadmin off\n\tpersist_config off\n\tskip_install_trust\n\t{ports}\n}}\n"
        file.write_text(own + self._example("Caddyfile"))
        return (str(caddy_program()), "run", "--config", str(file), "--adapter", "caddyfile")


class Nginx(Proxy):
    def _command(self) -> tuple[str, ...]:
        file = self.folder / "nginx.conf"
        file.write_text(self._configuration())
        return ("nginx", "-c", str(file), "-e", "stderr")

    def _configuration(self) -> str:
        printed = re.sub(r" *listen \[::\].*\n", "", self._example("nginx-proxy.conf"))
        printed = printed.replace("listen 443", f"listen {self.port}")
        printed = printed.replace("listen 80;", f"listen {self.plain_port};")
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        folders = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in kinds)
        user = "user root;\n" if os.geteuid() == 0 else ""
        return (
            f"daemon off;\npid {self.folder}/pid;\nerror_log stderr crit;\n{user}"
            f"events {{}}\nhttp {{\naccess_log off;\n{folders}{printed}}}\n"
        )


def write_certificate(folder: Path) -> None:
    """A certificate that signs itself, for the base domain's names, where the example has its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.com")])
    names = [x509.DNSName("*.example.com")]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    form = serialization.PrivateFormat.PKCS8
    (folder / "privkey.pem").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))


@pytest.fixture(scope="module", params=[Nginx, Caddy], ids=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest) -> Iterator[Proxy]:
    found = request.param()
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


@pytest.mark.parametrize("host", HOSTS)
def test_what_comes_in_the_clear_goes_to_https(proxy: Proxy, host: str):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.plain_port, timeout=60)
    connection.request("GET", "/web?a=b", headers={"Host": host})
    answer = connection.getresponse()
    assert answer.status in (301, 308)
    assert answer.headers["Location"].startswith(f"https://{host}")
    assert answer.headers["Location"].endswith("/web?a=b")
    connection.close()
