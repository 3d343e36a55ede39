"""Give a message to the operator's mail server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import aiosmtplib

from tenantry.errors import MailServerFailed
from tenantry.model.mail import Security, Smarthost

_TIMEOUT_S = 30


async def deliver(smarthost: Smarthost, message: bytes, recipients: Sequence[str]) -> dict[str, str]:
    """Send it; return the recipients that the mail server refused, with its reason, if it took any.

    Raises aiosmtplib.SMTPException, OSError.
    """
    server = aiosmtplib.SMTP(
        hostname=smarthost.host,
        port=smarthost.port,
        username=smarthost.user or None,
        password=smarthost.password.reveal() or None,
        use_tls=smarthost.security is Security.TLS,
        start_tls=smarthost.security is Security.STARTTLS,
        validate_certs=smarthost.checks_certificate,
        timeout=_TIMEOUT_S,
    )
    async with server:
        try:
            refused, _answer = await server.sendmail(smarthost.sender, list(recipients), message)
        except asyncio.CancelledError:
            server.close()  # or it would wait for an answer to its goodbye
            raise
        except (ValueError, RecursionError) as error:
            text = "5.1.3 A recipient's address cannot be used"
            raise aiosmtplib.SMTPRecipientRefused(501, text, "") from error
    return {recipient: f"{code} {_line(text)}" for recipient, (code, text) in refused.items()}


def send_test(smarthost: Smarthost, recipient: str) -> None:
    """Send a mail that says that mails arrive. Raises MailServerFailed."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = smarthost.sender, recipient, "Tenantry can send mail"
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=smarthost.sender.rpartition("@")[2])
    mail.set_content("This mail server passes mails on. Your customers' Odoos send by it, too.\n")
    try:
        asyncio.run(deliver(smarthost, mail.as_bytes(), [recipient]))
    except (aiosmtplib.SMTPException, OSError) as error:
        raise MailServerFailed(f"{smarthost.host}:{smarthost.port}", reason(error)) from error


def reason(error: Exception) -> str:
    """The failure in words, on one line, without the login."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {_line(error.message)}"
    if isinstance(error, ssl.SSLError):
        return f"its certificate or encryption is not accepted ({error.reason or error})"
    return _line(str(error)) or type(error).__name__


def _line(text: str) -> str:
    """On one line, in ASCII, as an answer has to be; and so that it cannot control a terminal."""
    words = " ".join(text.encode("ascii", "replace").decode().split())
    return "".join(character if character.isprintable() else "?" for character in words)
