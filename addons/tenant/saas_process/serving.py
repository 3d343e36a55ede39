"""The HTTP server of one tenant. It inherits a listening socket, which outlives the process."""

import contextlib
import socket
import threading
import time

import odoo.http
import werkzeug.serving
from odoo.addons.saas_agreed import LOOPBACK_PORT
from odoo.service.server import CommonServer, LoggingBaseWSGIServerMixIn, RequestHandler

from .alarm import Alarm
from .workers import Workers

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 16\r\nConnection: close\r\n\r\nBack in a moment"
)


class Handler(RequestHandler):
    """Odoo's request handler on a UNIX socket; the client's address is in the front's headers."""

    def address_string(self):
        return self.headers.get("X-Forwarded-For", "unix")

    def make_environ(self):
        environ = super().make_environ()
        environ["REMOTE_ADDR"] = "127.0.0.1"
        # The front sets these headers. A header must never select the database.
        environ.pop("HTTP_X_ODOO_DATABASE", None)
        if "HTTP_X_FORWARDED_HOST" in environ:
            environ["HTTP_X_FORWARDED_HOST"] = environ["HTTP_HOST"]
        return environ

    def end_headers(self, *args, **kwargs):
        result = super().end_headers(*args, **kwargs)
        if self.headers.get("Upgrade") == "websocket":
            self.server.workers.became_websocket()
        return result


class TenantServer(LoggingBaseWSGIServerMixIn, werkzeug.serving.ThreadedWSGIServer):
    """Serves requests in at most `limits.threads` threads, plus `limits.websockets` websockets."""

    daemon_threads = True

    def __init__(self, listener, board, limits, loopback=None):
        super().__init__("unix://tenant", 0, odoo.http.root, handler=Handler, fd=listener.fileno())
        self.workers = Workers(self.socket, limits.threads, self._serve, board, loopback)
        self._most_websockets = limits.websockets + limits.threads
        self.alarm = Alarm()
        self.is_stopping = False

    def _serve(self, connection):
        if self.workers.websockets >= self._most_websockets:
            refuse(connection)
        else:
            self.process_request_thread(connection, ("unix", 0))

    # ------------------------------------------------------------ the loop

    def stop_accepting(self):
        """Accept no more connections, and let `run` return; new connections wait for the next process.

        Safe in a signal handler.
        """
        self.is_stopping = True
        self.workers.stop()
        self.alarm.ring()

    def run(self, check):
        """Serve until `stop_accepting`. check: called regularly, returns the seconds until its next call."""
        while not self.is_stopping:
            self.workers.ensure_idle_thread()
            self.alarm.wait(check())

    # ------------------------------------------------------------ the end

    def close_websockets_and_wait(self, within_s):
        """Close the websockets as Odoo does when it stops, and wait for requests to end."""
        for function in CommonServer._on_stop_funcs:
            with contextlib.suppress(Exception):
                function()
        deadline = time.monotonic() + within_s
        while self.workers.are_there and time.monotonic() < deadline:
            time.sleep(0.005)


def listen_on_loopback():
    """Listen for programs of the same container: the engine's health check, and wkhtmltopdf."""
    listener = socket.create_server(("127.0.0.1", LOOPBACK_PORT))
    listener.setblocking(False)
    return listener


def refuse(connection):
    """Answer 503 to one client."""
    with contextlib.suppress(OSError), connection:
        connection.settimeout(2)
        connection.sendall(_BUSY)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def refuse_all(listener, seconds):
    """Answer 503 to every client for a while, when the tenant cannot be served."""
    deadline = time.monotonic() + seconds
    listener.settimeout(0.2)
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            connection, _address = listener.accept()
            threading.Thread(target=refuse, args=(connection,), daemon=True).start()
