"""A receiver of webhooks: it gives prepared answers, can be down, and can delay its answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

from tenantry.ports import free_port
from tests.support.waiting import eventually

_TIMEOUT_S = 120


@dataclass(frozen=True)
class Message:
    headers: dict[str, str]
    body: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """The verified content. Raises WebhookVerificationError."""
        return Webhook(secret).verify(self.body, self.headers)


class Receiver:
    """Listens on loopback, always on the same port."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answers: list[int] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.port = free_port()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver._receive(Message({k.lower(): v for k, v in self.headers.items()}, body))
                receiver.may_answer.wait(_TIMEOUT_S)
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _receive(self, message: Message) -> None:
        self.messages.append(message)

    def stop(self) -> None:
        self.may_answer.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._server = None

    def types(self) -> list[str]:
        return [json.loads(message.body)["type"] for message in self.messages]

    def wait_for(self, types: Iterable[str]) -> None:
        """Wait until it was sent these, in this order. Raises AssertionError when it was not."""
        expected = list(types)
        assert eventually(lambda: self.types() == expected), f"{self.types()}, not {expected}"

    def wait_for_count(self, count: int) -> None:
        """Wait until it was sent so many. Raises AssertionError when it was not."""
        assert eventually(lambda: len(self.messages) >= count), f"{self.types()}, not {count} messages"
