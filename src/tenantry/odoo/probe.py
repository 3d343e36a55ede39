"""Check that a tenant's Odoo answers, over the same route as the customer's browser (I5)."""

from __future__ import annotations

import http.client
import socket
import time
from dataclasses import dataclass

from tenantry.errors import ProbeFailed
from tenantry.model.address import Address, Upstream

LOGIN_PATH = "/web/login"
_POLL_S = 0.02
_MAX_POLL_S = 0.5


@dataclass(frozen=True)
class Route:
    """A public address and its upstream. The host name is not resolved, so no DNS is needed."""

    public: Address
    upstream: Upstream

    @property
    def url(self) -> str:
        return self.public.url

    @property
    def host(self) -> str:
        return self.public.authority

    def get(self, path: str, timeout_s: float = 30) -> int:
        """The status of the answer to a GET. Raises OSError, http.client.HTTPException."""
        connection = _connection(self.upstream, timeout_s)
        try:
            connection.request("GET", path, headers={"Host": self.host, "Connection": "close"})
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(upstream: Upstream, timeout_s: float) -> http.client.HTTPConnection:
    if upstream.socket:
        return _SocketConnection(upstream.socket, timeout_s)
    return http.client.HTTPConnection(upstream.host, upstream.port, timeout=timeout_s)


def wait_for_status(route: Route, expected: int, *, timeout_s: float, path: str = LOGIN_PATH) -> float:
    """Send requests until the status is `expected`; return the seconds it took. Raises ProbeFailed."""
    began = time.monotonic()
    pause_s = _POLL_S
    while True:
        left_s = timeout_s - (time.monotonic() - began)
        try:
            answer = str(route.get(path, timeout_s=max(left_s, 1)))
        except (OSError, http.client.HTTPException) as error:
            answer = str(error) or type(error).__name__
        if answer == str(expected):
            return time.monotonic() - began
        if left_s <= 0:
            raise ProbeFailed(route.url + path, expected, answer, timeout_s)
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _MAX_POLL_S)
