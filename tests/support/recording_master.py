"""A fake master that gives prepared answers and records its requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], str]

SENT_ALWAYS = {"Accept", "Accept-Encoding", "Connection", "Host", "User-Agent"}
SENT_WITH_A_BODY = {"Content-Length", "Content-Type"}
"""Headers that every HTTP client sends."""


@dataclass(frozen=True)
class Call:
    """One request. headers: those that HTTP clients do not send by themselves are compared, too."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def own_headers(self) -> set[str]:
        """The headers that our client adds."""
        return {*self.headers} - SENT_ALWAYS - SENT_WITH_A_BODY


class RecordingMaster(ThreadingHTTPServer):
    """answers: the next answers; None closes the connection without one. calls: the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer | None] = []
        self.calls: list[Call] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def will_tell(self, *data: Any, **more: Any) -> None:
        """Answer so with success, one after the other."""
        self.answers += [(200, {}, json.dumps({"success": True, "data": it, **more})) for it in data]


class _Handler(BaseHTTPRequestHandler):
    server: RecordingMaster

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = json.loads(body) if body else None
        self.server.calls.append(Call(self.command, self.path, told, dict(self.headers)))
        answer = self.server.answers.pop(0)
        if answer is None:
            self.close_connection = True
            return
        status, headers, text = answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, *_args: Any) -> None: ...


@contextmanager
def recording_master() -> Iterator[RecordingMaster]:
    """Every answer must have been asked for by the end."""
    server = RecordingMaster()
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
    assert server.answers == []
