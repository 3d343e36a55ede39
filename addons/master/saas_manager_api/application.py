"""Runs the FastAPI application in the request's own thread.

OCA's dispatcher passes each request to a second thread and back, six times, and waits each time for Python's
global lock.
"""

import asyncio
import queue
from contextlib import contextmanager

from a2wsgi.asgi import build_scope

_idle_loops = queue.LifoQueue()


def run(app, environ, body):
    """Return the application's answer: status, headers, body. Raises the application's errors."""
    answer = _Answer(body)
    with _event_loop() as loop:
        loop.run_until_complete(app(build_scope(environ), answer.receive, answer.send))
    return answer.status, answer.headers, bytes(answer.body)


@contextmanager
def _event_loop():
    """An idle loop, or a new one. There are at most as many as requests that ran at the same time."""
    try:
        loop = _idle_loops.get_nowait()
    except queue.Empty:
        loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        _idle_loops.put(loop)


class _Answer:
    """Both ends of an ASGI connection whose request was read already."""

    def __init__(self, asked):
        self._unread = [{"type": "http.request", "body": asked, "more_body": False}]
        self.status = 500
        self.headers = []
        self.body = bytearray()

    async def receive(self):
        return self._unread.pop() if self._unread else {"type": "http.disconnect"}

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [tuple(part.decode("latin-1") for part in pair) for pair in message["headers"]]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
