"""A mail server that stores its mails, and can be down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tenantry.ports import free_port
from tests.support.back_office import BackOffice

_TIMEOUT_S = 120


class _Smtp(SMTP):
    def __init__(self, opened: list[asyncio.BaseTransport], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._opened = opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._opened.append(transport)
        super().connection_made(transport)


class _Controller(Controller):
    """Closes the connections that are open when it stops, which aiosmtpd leaves to the garbage collector."""

    def factory(self) -> SMTP:
        return _Smtp(self.opened, self.handler, **self.SMTP_kwargs)

    def start(self) -> None:
        self.opened: list[Any] = []
        super().start()

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result()
        super().stop(no_assert)

    async def _close(self) -> None:
        for listener in self.server.sockets:
            # Server.close() would lose what is accepted and has no protocol yet.
            self.loop.remove_reader(listener.fileno())
        await asyncio.sleep(0.05)
        for transport in self.opened:
            transport.abort()
        await asyncio.sleep(0)


class MailServer:
    """The master's outgoing mail server."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Any] = []
        """Of the same mails: to whom they went."""
        self.port = free_port()
        self._controller: _Controller | None = None

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.envelopes.append(envelope)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 Message accepted for delivery"

    def start(self) -> None:
        self._controller = _Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        if self._controller:
            self._controller.stop()
        self._controller = None

    def use_in(self, office: BackOffice) -> int:
        """Set it, and the sender of mails, as an operator does; the record's id."""
        office.call("ir.config_parameter", "set_param", "saas.provider_email", "office@operator.example")
        values = {"name": "Mails of a test", "smtp_host": "127.0.0.1", "smtp_port": self.port}
        return office.call("ir.mail_server", "create", [values])[0]

    def wait_for(self, subject: str) -> EmailMessage:
        """The first mail with that in its subject. Raises AssertionError when it does not come."""
        return self._wait("subject", subject)

    def wait_to(self, address: str) -> EmailMessage:
        """The first mail to that address. Raises AssertionError when it does not come."""
        return self._wait("to", address)

    def _wait(self, header: str, text: str) -> EmailMessage:
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            for mail in list(self.mails):
                if text in mail[header]:
                    return mail
            assert time.monotonic() < deadline, f"no mail with {text!r} in {header}"
            time.sleep(0.1)


@contextmanager
def serving(office: BackOffice) -> Iterator[MailServer]:
    """A mail server that is the master's."""
    server = MailServer()
    server.start()
    record = server.use_in(office)
    try:
        yield server
    finally:
        office.call("ir.mail_server", "unlink", [record])
        server.stop()


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """Its plain text, or its HTML."""
    part = mail.get_body((kind,))
    assert part is not None, f"no {kind} text"
    return str(part.get_content())
