"""The threads that serve one tenant's requests. They are kept: starting one cost a tenth of a request."""

import logging
import os
import select
import threading
import time

from odoo.addons.saas_agreed import Field

_logger = logging.getLogger(__name__)

_ONE_AT_A_TIME = select.EPOLLIN | select.EPOLLEXCLUSIVE


class Workers:
    """At most so many threads, each of which takes a connection, serves it and takes the next.

    Whoever else connects waits in the socket's backlog. A thread is only started when none is at rest. One
    whose request becomes a websocket is none of them any more: another takes its place.
    """

    def __init__(self, listener, most, serve, board):
        """serve: handles one connection. board: is told how many requests and websockets there are."""
        self._listener = listener
        self._most = most
        self._serve = serve
        self._board = board
        self._lock = threading.Lock()
        self._resting = 0
        self._leaving, self._leave = os.pipe()
        listener.setblocking(False)
        self.busy = 0
        """How many requests are being served."""
        self.websockets = 0
        self.rested_at = None
        """When the last request ended, on the monotonic clock; None before the first."""

    @property
    def are_at_work(self):
        return bool(self.busy or self.websockets)

    def ensure_one(self):
        """Start a thread unless one is at rest, or there are as many as there may be."""
        self._change()

    def leave(self):
        """They take no more connections; safe in a signal handler."""
        os.write(self._leave, b"l")

    def turns_websocket(self):
        """The current thread's request has become a websocket."""
        threading.current_thread().is_websocket = True
        self._change(busy=-1, websockets=1)

    # ------------------------------------------------------------ in each thread

    def _work(self):
        me = threading.current_thread()
        with select.epoll() as epoll:
            epoll.register(self._listener, _ONE_AT_A_TIME)
            epoll.register(self._leaving, select.EPOLLIN)
            while not me.is_websocket:
                ready = [descriptor for descriptor, _events in epoll.poll()]
                if self._leaving in ready:
                    return
                connection = self._accept()
                if connection is not None:
                    self._serve_one(me, connection)

    def _accept(self):
        try:
            connection, _address = self._listener.accept()
        except OSError:
            return None  # another thread was faster, or who came has gone
        connection.setblocking(True)
        return connection

    def _serve_one(self, me, connection):
        me.start_time = time.time()
        self._change(busy=1, resting=-1)
        try:
            self._serve(connection)
        except BaseException:
            # Even `sys.exit()` in a controller ends its request only.
            _logger.exception("a request ended without an answer")
        finally:
            me.start_time = None
            if me.is_websocket:
                self._change(websockets=-1)
            else:
                self._change(busy=-1, resting=1)

    def _change(self, busy=0, websockets=0, resting=0):
        with self._lock:
            self.busy += busy
            self.websockets += websockets
            self._resting += resting
            if busy > 0:
                self._board.note_request()
            if busy < 0 or websockets < 0:
                self.rested_at = time.monotonic()
            self._board[Field.THREADS], self._board[Field.WEBSOCKETS] = self.busy, self.websockets
            is_one_wanted = not self._resting and self.busy < self._most
            self._resting += is_one_wanted
        if is_one_wanted:
            self._start_one()

    def _start_one(self):
        worker = threading.Thread(target=self._work, name="odoo.service.http", daemon=True)
        worker.type, worker.start_time, worker.is_websocket = "http", None, False
        try:
            worker.start()
        except RuntimeError as error:
            _logger.warning("there is no further thread for requests: %s", error)
            with self._lock:
                self._resting -= 1
