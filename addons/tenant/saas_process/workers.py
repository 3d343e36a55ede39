"""The threads that serve one tenant's requests. They are reused: a start costs a tenth of a request."""

import logging
import os
import select
import threading
import time

from odoo.addons.saas_agreed import Field

_logger = logging.getLogger(__name__)

_ONE_AT_A_TIME = select.EPOLLIN | select.EPOLLEXCLUSIVE


class Workers:
    """A pool of threads, each of which accepts a connection, serves it, and accepts the next one.

    Further connections wait in the socket's backlog. A thread is started only when none is idle. A thread
    whose request becomes a websocket leaves the pool, and another one replaces it.
    """

    def __init__(self, listener, most, serve, board, loopback=None):
        """most: the number of threads. serve: handles one connection. board: the shared page.

        loopback: a second listening socket; its clients are no visitors, and do not keep the process awake.
        """
        self._listener = listener
        self._loopback = loopback
        self._most = most
        self._serve = serve
        self._board = board
        self._lock = threading.Lock()
        self._idle = 0
        self._threads = 0
        self._stop_reader, self._stop_writer = os.pipe()
        listener.setblocking(False)
        self.busy = 0
        """The number of requests that are being served."""
        self.websockets = 0
        self.idle_since = None
        """When the last request ended, on the monotonic clock; None before the first."""

    @property
    def are_busy(self):
        return bool(self.busy or self.websockets)

    @property
    def are_there(self):
        """Whether a thread is left. After `stop`, one may still have a connection that counts nowhere yet."""
        return bool(self._threads)

    def ensure_idle_thread(self):
        """Start a thread unless one is idle or the pool is full."""
        self._change()

    def stop(self):
        """Let the threads accept no more connections; safe in a signal handler."""
        os.write(self._stop_writer, b"s")

    def became_websocket(self):
        """The current thread's request has become a websocket."""
        threading.current_thread().is_websocket = True
        self._change(busy=-1, websockets=1)

    # ------------------------------------------------------------ in each thread

    def _work(self):
        try:
            self._serve_until_stop(threading.current_thread())
        finally:
            with self._lock:
                self._threads -= 1

    def _serve_until_stop(self, me):
        with select.epoll() as epoll:
            epoll.register(self._listener, _ONE_AT_A_TIME)
            if self._loopback:
                epoll.register(self._loopback, _ONE_AT_A_TIME)
            epoll.register(self._stop_reader, select.EPOLLIN)
            while not me.is_websocket:
                ready = [descriptor for descriptor, _events in epoll.poll()]
                if self._stop_reader in ready:
                    return
                is_visit = not self._loopback or self._listener.fileno() in ready
                connection = self._accept(self._listener if is_visit else self._loopback)
                if connection is not None:
                    self._serve_one(me, connection, is_visit)

    @staticmethod
    def _accept(listener):
        try:
            connection, _address = listener.accept()
        except OSError:
            return None  # another thread was faster, or the client has gone
        connection.setblocking(True)
        return connection

    def _serve_one(self, me, connection, is_visit):
        me.start_time, before = time.time(), self.idle_since
        self._change(busy=1, idle=-1, visits=int(is_visit))
        try:
            self._serve(connection)
        except BaseException:
            # `sys.exit()` in a controller ends its request only, not the thread.
            _logger.exception("a request ended without an answer")
        finally:
            me.start_time = None
            if me.is_websocket:
                self._change(websockets=-1)
            else:
                self._change(busy=-1, idle=1)
            if not is_visit and not self.are_busy:
                self.idle_since = before

    def _change(self, busy=0, websockets=0, idle=0, visits=0):
        with self._lock:
            self.busy += busy
            self.websockets += websockets
            self._idle += idle
            if visits:
                self._board.note_request()
            if busy < 0 or websockets < 0:
                self.idle_since = time.monotonic()
            self._board[Field.THREADS], self._board[Field.WEBSOCKETS] = self.busy, self.websockets
            is_one_wanted = not self._idle and self.busy < self._most
            self._idle += is_one_wanted
            self._threads += is_one_wanted
        if is_one_wanted:
            self._start_one()

    def _start_one(self):
        worker = threading.Thread(target=self._work, name="odoo.service.http", daemon=True)
        worker.type, worker.start_time, worker.is_websocket = "http", None, False
        try:
            worker.start()
        except RuntimeError as error:
            _logger.warning("no further thread can be started for requests: %s", error)
            with self._lock:
                self._idle -= 1
                self._threads -= 1
