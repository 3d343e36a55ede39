"""The HTTP server of one tenant: its socket was there before, and outlives it."""

import contextlib
import logging
import os
import selectors
import socket
import threading
import time

import odoo.http
import werkzeug.serving
from odoo.service.server import CommonServer, LoggingBaseWSGIServerMixIn, RequestHandler

from .board import THREADS, WEBSOCKETS

_logger = logging.getLogger(__name__)

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 16\r\nConnection: close\r\n\r\nBack in a moment"
)


class Handler(RequestHandler):
    """Odoo's own, at a UNIX socket: who asks stands in the front's headers."""

    def address_string(self):
        return self.headers.get("X-Forwarded-For", "unix")

    def make_environ(self):
        environ = super().make_environ()
        environ["REMOTE_ADDR"] = "127.0.0.1"
        # The front sets these two; a database is never chosen by a header.
        environ.pop("HTTP_X_ODOO_DATABASE", None)
        if "HTTP_X_FORWARDED_HOST" in environ:
            environ["HTTP_X_FORWARDED_HOST"] = environ["HTTP_HOST"]
        return environ

    def end_headers(self, *args, **kwargs):
        result = super().end_headers(*args, **kwargs)
        if self.headers.get("Upgrade") == "websocket":
            self.server.turns_websocket()
        return result


class TenantServer(LoggingBaseWSGIServerMixIn, werkzeug.serving.ThreadedWSGIServer):
    """Serves requests in threads, at most `limits.threads` at once; the others wait in the backlog.

    A websocket takes no thread of those, and is one of at most `limits.websockets`.
    """

    daemon_threads = True

    def __init__(self, listener, board, limits):
        super().__init__("unix://tenant", 0, odoo.http.root, handler=Handler, fd=listener.fileno())
        self.board = board
        self.limits = limits
        self._lock = threading.Lock()
        self._kinds = {}
        self._wakes, self._wake = os.pipe()
        os.set_blocking(self._wakes, False)
        os.set_blocking(self._wake, False)
        self.socket.setblocking(False)
        self.is_leaving = False

    # ------------------------------------------------------------ what is under way

    @property
    def busy(self):
        """How many requests are being served."""
        with self._lock:
            return sum(kind == "request" for kind in self._kinds.values())

    @property
    def websockets(self):
        with self._lock:
            return sum(kind == "websocket" for kind in self._kinds.values())

    def turns_websocket(self):
        """The current thread's request has become a websocket."""
        self._count(threading.current_thread(), "websocket")
        self.wake()

    def _count(self, thread, kind):
        with self._lock:
            if kind:
                self._kinds[thread] = kind
            else:
                self._kinds.pop(thread, None)
            kinds = list(self._kinds.values())
        self.board[THREADS], self.board[WEBSOCKETS] = kinds.count("request"), kinds.count("websocket")

    # ------------------------------------------------------------ the loop

    def wake(self):
        """Let the loop look around; safe in a signal handler."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake, b"w")

    def leave(self):
        """Take no more connections, and let `run` return; they wait for the next process."""
        self.is_leaving = True
        self.wake()

    def run(self, look_around):
        """Serve until it leaves. look_around: called now and then, says in how many seconds again."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakes, selectors.EVENT_READ)
            is_taking = False
            while not self.is_leaving:
                wait_s = look_around()
                if self.is_leaving:
                    return
                if is_taking != self._may_take():
                    is_taking = not is_taking
                    if is_taking:
                        selector.register(self.socket, selectors.EVENT_READ)
                    else:
                        selector.unregister(self.socket)
                for key, _events in selector.select(wait_s):
                    if key.fileobj is self.socket:
                        self._take()
                    else:
                        with contextlib.suppress(BlockingIOError):
                            os.read(self._wakes, 4096)

    def _may_take(self):
        return self.busy < self.limits["threads"]

    def _take(self):
        try:
            connection, _address = self.socket.accept()
        except OSError:
            return  # whoever it was has gone
        connection.setblocking(True)
        if self.websockets >= self.limits["websockets"] + self.limits["threads"]:
            refuse(connection)
            return
        thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
        thread.type = "http"
        thread.start_time = time.time()
        self._count(thread, "request")
        self.board.note_request()
        thread.start()

    def _serve(self, connection):
        try:
            self.process_request_thread(connection, ("unix", 0))
        finally:
            self._count(threading.current_thread(), None)
            self.wake()

    # ------------------------------------------------------------ the end

    def say_goodbye(self, within_s):
        """Close the websockets, as Odoo does when it stops, and let requests end for a while."""
        for function in CommonServer._on_stop_funcs:
            with contextlib.suppress(Exception):
                function()
        deadline = time.monotonic() + within_s
        while (self.busy or self.websockets) and time.monotonic() < deadline:
            time.sleep(0.02)


def refuse(connection):
    """Tell one client that there is no room."""
    with contextlib.suppress(OSError), connection:
        connection.settimeout(2)
        connection.sendall(_BUSY)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def refuse_all(listener, seconds):
    """Answer 503 to everybody for a while: this tenant cannot be served, and nobody waits for it."""
    deadline = time.monotonic() + seconds
    listener.settimeout(0.2)
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            connection, _address = listener.accept()
            threading.Thread(target=refuse, args=(connection,), daemon=True).start()
