"""A front with tenants behind it: a real Caddy or nginx, and small servers at UNIX sockets that remember."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import json
import shutil
import socket
import socketserver
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path, PurePosixPath

from tenantry import process
from tenantry.edge import caddy
from tenantry.edge.pages import write_pages
from tenantry.ports import free_port
from tenantry.spawner.hosts import Hosts

NGINX_SAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "nginx-tenants.conf"
SCRIPT = b"let answer = 42;\n" * 5000


@dataclass(frozen=True)
class Request:
    """What arrived at a tenant."""

    method: str
    path: str
    headers: dict[str, str]
    digest: str
    size_bytes: int


@dataclass
class Tenant:
    """A process's socket; `accept()` lets it answer, as a spawner's would once it is awake."""

    listener: socket.socket
    socket_file: Path
    requests: list[Request] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    """Paths of requests whose client or front went away."""
    first_bytes: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    _server: _Server | None = None

    def accept(self) -> Tenant:
        self._server = _Server(self.listener, self)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def accept_in(self, seconds: float) -> None:
        threading.Timer(seconds, self.accept).start()

    def close(self) -> None:
        """End as a killed process does: its file stays and refuses connections."""
        if self._server:
            self._server.shutdown()
        self.listener.close()

    def count(self, path: str) -> int:
        return sum(request.path == path for request in self.requests)


class _Server(socketserver.ThreadingMixIn, socketserver.BaseServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, tenant: Tenant) -> None:
        super().__init__("", _Handler)
        self.listener, self.tenant = listener, tenant

    def fileno(self) -> int:
        return self.listener.fileno()

    def get_request(self) -> tuple[socket.socket, str]:
        connection, _ = self.listener.accept()
        connection.setblocking(True)
        return connection, "unix"

    def close_request(self, request: socket.socket) -> None:
        request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """The handler records clients that disconnect early."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_arguments: object) -> None:
        """Tests look at `Tenant.requests`."""

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        tenant = self.server.tenant
        try:
            digest, size = self._read_body(tenant)
            headers = {key.lower(): value for key, value in self.headers.items()}
            tenant.requests.append(Request(self.command, self.path, headers, digest, size))
            name = self.path.partition("?")[0].rpartition("/")[2].replace(".", "_")
            getattr(self, f"_serve_{name}", self._serve_ok)()
        except OSError:
            tenant.cut.append(self.path)
            self.close_connection = True

    def _read_body(self, tenant: Tenant) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        for chunk in self._chunks():
            size += len(chunk)
            digest.update(chunk)
            tenant.first_bytes.set()
        return digest.hexdigest(), size

    def _chunks(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while length := int(self.rfile.readline(), 16):
                yield self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            chunk = self.rfile.read1(min(left, 65536))
            if not chunk:
                raise ConnectionError("the body ended early")
            left -= len(chunk)
            yield chunk

    def _send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _serve_ok(self) -> None:
        self._send(b"served by a tenant", Content_Type="text/plain")

    def _serve_cookies(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        for cookie in ("session_id=abc; HttpOnly; Path=/", "frontend_lang=fr_FR; Path=/"):
            self.send_header("Set-Cookie", cookie)
        self.end_headers()

    def _serve_not_found(self) -> None:
        self._send(b"no such page of the tenant", 404)

    def _serve_boast(self) -> None:
        """With more headers than a browser would take."""
        self._send(b"", X_Boast="a" * 100_000)

    def _serve_slow(self) -> None:
        time.sleep(2)
        self._serve_ok()

    def _serve_wait(self) -> None:
        self.server.tenant.go_on.wait(10)
        self._serve_ok()

    def _serve_die(self) -> None:
        self.close_connection = True

    def _serve_half(self) -> None:
        """Dies in the middle of its answer."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"half")
        self.close_connection = True

    def _serve_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"first")
        self.server.tenant.go_on.wait(10)
        self.wfile.write(b"second")
        self.close_connection = True

    def _serve_download(self) -> None:
        size = int(self.path.partition("?")[2])
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        for _ in range(size // 65536):
            self.wfile.write(b"\0" * 65536)

    def _serve_script_js(self) -> None:
        if self.headers.get("If-None-Match", "").removeprefix("W/") == '"v1"':
            self._send(b"", 304, ETag='"v1"')
        else:
            self._send(SCRIPT, Content_Type="application/javascript", ETag='"v1"')

    def _serve_packed_js(self) -> None:
        packed = gzip.compress(SCRIPT)
        self._send(packed, Content_Type="application/javascript", Content_Encoding="gzip")

    def _serve_photo_jpg(self) -> None:
        self._send(SCRIPT, Content_Type="image/jpeg")

    def _serve_websocket(self) -> None:
        """Switch protocols, then echo until the other side goes."""
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        while data := self.connection.recv(1000):
            self.connection.sendall(data)
        self.close_connection = True


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def error_code(self) -> str:
        """The JSON answer for programs."""
        return str(json.loads(self.body)["error_code"])


class Front:
    """A running Caddy or nginx, with a folder of hosts that tests put sockets and markers in."""

    def __init__(self, kind: str, protocol: str = "http", **timeouts: float) -> None:
        # A socket's path may be 107 bytes long.
        self.folder = Path(tempfile.mkdtemp(prefix="front-"))
        self.folder.chmod(0o755)
        self.kind = kind
        self.hosts, self.pages = Hosts(self.folder / "h"), self.folder / "pages"
        write_pages(self.pages)
        self.log = self.folder / "log"
        self.port = free_port()
        command = self._caddy(protocol, timeouts) if kind == "caddy" else self._nginx()
        self.home = self.folder / "home"
        self.home.mkdir()
        self.pid = process.start(command, log=self.log, environment={"HOME": str(self.home)})
        self._tenants: list[Tenant] = []
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _caddy(self, protocol: str, timeouts: dict[str, float]) -> tuple[str, ...]:
        file = self.folder / "Caddyfile"
        text = caddy.caddyfile(
            interface="127.0.0.1",
            port=self.port,
            hosts=PurePosixPath(self.hosts.folder),
            pages=PurePosixPath(self.pages),
            protocol=protocol,
            **timeouts,
        )
        file.write_text(text)
        return (str(caddy.caddy_program()), "run", "--config", str(file), "--adapter", "caddyfile")

    def _nginx(self) -> tuple[str, ...]:
        sample = NGINX_SAMPLE.read_text().replace("/srv/tenantry/hosts", str(self.hosts.folder))
        sample = sample.replace("/srv/tenantry/run/front/pages", str(self.pages)).replace(
            ":8069", f":{self.port}"
        )
        file = self.folder / "nginx.conf"
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        folders = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in kinds)
        file.write_text(
            f"daemon off;\npid {self.folder}/pid;\nerror_log stderr crit;\nuser root;\n"
            f"events {{}}\nhttp {{\n{folders}{sample}}}\n"
        )
        return ("nginx", "-c", str(file), "-e", "stderr")

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                assert self.ask("", "/tenantry/health").status == 200
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise AssertionError(self.log.read_text()) from None
                time.sleep(0.02)

    def stop(self) -> None:
        process.stop(self.pid)
        for tenant in self._tenants:
            tenant.close()
        shutil.rmtree(self.folder)

    def listen(self, host: str) -> Tenant:
        """A tenant whose process does not accept yet."""
        listener, _ = self.hosts.listen(host)
        self._tenants.append(Tenant(listener, self.hosts.folder / f"{host}.sock"))
        return self._tenants[-1]

    def serve(self, host: str) -> Tenant:
        return self.listen(host).accept()

    def ask(
        self,
        host: str,
        path: str = "/web/login",
        method: str = "GET",
        body: bytes | Iterator[bytes] | None = None,
        timeout_s: float = 30,
        **headers: str,
    ) -> Answer:
        """Ask without touching up the path; `_` in a header's name stands for a dash."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            # An HTTP/1.1 request without a Host is malformed; health may be asked without a name.
            connection.putheader("Host", host or "127.0.0.1")
            if isinstance(body, bytes):
                connection.putheader("Content-Length", str(len(body)))
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders(body, encode_chunked=not isinstance(body, bytes | None))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    @staticmethod
    def receive(connection: socket.socket, until: bytes) -> bytes:
        """What arrives up to and with those bytes."""
        received = b""
        while until not in received:
            chunk = connection.recv(1)
            assert chunk, received
            received += chunk
        return received

    def status_of(self, raw: bytes) -> int:
        """Send bytes as they are and return the status; 0 when the connection is closed at once."""
        with self.connect() as connection:
            connection.sendall(raw)
            line = connection.recv(65536).partition(b"\r\n")[0]
        return int(line.split()[1]) if line else 0
