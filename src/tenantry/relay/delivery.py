"""Give a message to the operator's mail server."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import aiosmtplib

from tenantry.errors import MailServerFailed
from tenantry.model.mail import Security, Smarthost

_TIMEOUT_S = 30


class Delivery:
    """A mail on its way to the operator's mail server, which says of each recipient whether it takes it.

    Its methods raise aiosmtplib.SMTPException, OSError.
    """

    def __init__(self, smarthost: Smarthost) -> None:
        self._sender = smarthost.sender
        self._server = aiosmtplib.SMTP(
            hostname=smarthost.host,
            port=smarthost.port,
            username=smarthost.user or None,
            password=smarthost.password.reveal() or None,
            use_tls=smarthost.security is Security.TLS,
            start_tls=smarthost.security is Security.STARTTLS,
            validate_certs=smarthost.checks_certificate,
            timeout=_TIMEOUT_S,
        )

    async def begin(self, size: int) -> None:
        """size: about how many bytes the message will have, so that it can be refused at once; 0: unknown."""
        await self._server.connect()
        with suppress(aiosmtplib.SMTPHeloError):  # an old one, that is greeted otherwise with the sender
            await self._server.ehlo()
        options = [f"SIZE={size}"] if size and self._server.supports_extension("size") else []
        await self._server.mail(self._sender, options=options)

    async def offer(self, recipient: str) -> None:
        try:
            await self._server.rcpt(recipient)
        except (ValueError, RecursionError) as error:
            text = "5.1.3 A recipient's address cannot be used"
            raise aiosmtplib.SMTPRecipientRefused(501, text, recipient) from error

    async def send(self, message: bytes) -> None:
        """To the recipients that were taken."""
        await self._server.data(message)

    def end(self) -> None:
        """Without waiting for an answer to the goodbye: a mail that was taken must not seem to be lost."""
        transport = self._server.transport
        if isinstance(transport, asyncio.WriteTransport) and not transport.is_closing():
            transport.write(b"QUIT\r\n")
        self._server.close()


def send_test(smarthost: Smarthost, recipient: str) -> None:
    """Send a mail that says that mails arrive. Raises MailServerFailed."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = smarthost.sender, recipient, "Tenantry can send mail"
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=smarthost.sender.rpartition("@")[2])
    mail.set_content("This mail server passes mails on. Your customers' Odoos send by it, too.\n")
    try:
        asyncio.run(_send(smarthost, recipient, mail.as_bytes()))
    except (aiosmtplib.SMTPException, OSError) as error:
        raise MailServerFailed(f"{smarthost.host}:{smarthost.port}", reason(error)) from error


async def _send(smarthost: Smarthost, recipient: str, message: bytes) -> None:
    delivery = Delivery(smarthost)
    try:
        await delivery.begin(len(message))
        await delivery.offer(recipient)
        await delivery.send(message)
    finally:
        delivery.end()


def reason(error: Exception) -> str:
    """The failure in words, on one line, without the login."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {_line(error.message)}"
    if isinstance(error, ssl.SSLError):
        return f"its certificate or encryption is not accepted ({error.reason or error})"
    return _line(str(error)) or type(error).__name__


def _line(text: str) -> str:
    """On one line, in ASCII, as an answer has to be; and so that it cannot control a terminal."""
    words = " ".join(text.encode("ascii", "replace").decode().split())
    return "".join(character if character.isprintable() else "?" for character in words)
