"""The relay's SMTP server, on the loopback interface.

It keeps no mail: an instance gets its answer when the operator's mail server has given its own. So nothing
is lost when the relay ends, and Odoo shows and retries what was refused.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import resource
import signal
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import aiosmtplib
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tenantry.model.keys import mail_password
from tenantry.relay import delivery, message
from tenantry.relay.allowance import Allowance
from tenantry.relay.peers import user_of
from tenantry.relay.settings import RelaySettings
from tenantry.spawner import identity

_logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 25 * 2**20
MAX_RECIPIENTS = 50
_CONNECTIONS, _OF_USER, _OF_INSTANCE = 100, 4, 2
"""Connections in all, of one user id, and of one instance."""
_IDLE_S = 60
_MEMORY_BYTES = 2**30
_NOT_SET = "451 4.3.0 The provider has set no mail server"


class Relay:
    """Handles what aiosmtpd reads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._allowance = Allowance(time.monotonic)
        self._of_user: Counter[int | None] = Counter()
        self._of_instance: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(_OF_INSTANCE)
        )

    # ------------------------------------------------------------ connections

    def admit(self, user: int | None) -> bool:
        """Count a connection, unless there are too many. One user must not shut the others out."""
        most = _OF_USER if identity.is_tenant(user) else _CONNECTIONS
        if self._of_user.total() >= _CONNECTIONS or self._of_user[user] >= most:
            return False
        self._of_user[user] += 1
        return True

    def left(self, user: int | None) -> None:
        self._of_user[user] -= 1
        if not self._of_user[user]:
            del self._of_user[user]

    def authenticate(
        self, _server: SMTP, session: Any, _envelope: Any, _mechanism: str, given: LoginPassword
    ) -> AuthResult:
        settings = RelaySettings.read(self._file)
        login = given.login.decode("utf-8", "replace")
        expected = mail_password(settings.key, login).reveal() if settings else ""
        if not expected or not hmac.compare_digest(expected.encode(), given.password):
            return AuthResult(success=False, handled=False)
        session.instance, _dot, session.number = login.rpartition(".")
        return AuthResult(success=True)

    # ------------------------------------------------------------ a message

    async def handle_MAIL(
        self, _server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        settings = RelaySettings.read(self._file)
        if settings is None:
            return _NOT_SET
        if not self._allowance.remaining(session.number, settings.smarthost.per_hour):
            return _too_many(settings)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        settings = RelaySettings.read(self._file)
        if settings is None:
            return _NOT_SET
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return f"452 4.5.3 At most {MAX_RECIPIENTS} recipients in one mail"
        if len(envelope.rcpt_tos) >= self._allowance.remaining(session.number, settings.smarthost.per_hour):
            return _too_many(settings)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Any, envelope: Any) -> str:
        async with self._of_instance[session.number]:
            settings = RelaySettings.read(self._file)
            if settings is None:
                return _NOT_SET
            count = len(envelope.rcpt_tos)
            if count > self._allowance.remaining(session.number, settings.smarthost.per_hour):
                return _too_many(settings)
            # Counted before it is sent: mails that the mail server refuses cost it work, too.
            self._allowance.note(session.number, count)
            answer = await self._pass_on(settings, session.instance, envelope)
        _logger.info("%s: %d recipients: %s", session.instance, count, answer)
        return answer

    async def _pass_on(self, settings: RelaySettings, instance: str, envelope: Any) -> str:
        smarthost = settings.smarthost
        try:
            text = message.from_operator(envelope.content, smarthost.sender, instance)
        except message.BadMessage as error:
            return f"550 5.6.0 The mail cannot be sent: {error}"
        try:
            await delivery.deliver(smarthost, text, envelope.rcpt_tos)
        except aiosmtplib.SMTPAuthenticationError as error:
            _logger.error("%s refuses the login: %s", smarthost.host, delivery.reason(error))
            return "451 4.3.0 The provider's mail server does not accept the provider's login"
        except (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused) as error:
            return delivery.reason(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            _logger.error("%s does not take mails: %s", smarthost.host, delivery.reason(error))
            return "451 4.4.1 The provider's mail server cannot be reached"
        return "250 2.0.0 Sent"


class Connection(SMTP):
    """One connection, unless there are too many."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(
            relay,
            data_size_limit=MAX_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Tenantry",
            timeout=_IDLE_S,
            auth_required=True,
            auth_require_tls=False,
            authenticator=relay.authenticate,
        )
        self._relay = relay
        self._user: int | None = None
        self._is_admitted = False

    def connection_made(self, transport: Any) -> None:
        self._user = user_of(transport.get_extra_info("peername"), transport.get_extra_info("sockname"))
        self._is_admitted = self._relay.admit(self._user)
        if self._is_admitted:
            super().connection_made(transport)
        else:
            transport.write(b"421 4.7.0 Too many connections\r\n")
            transport.close()

    def data_received(self, data: bytes) -> None:
        if self._is_admitted:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self._is_admitted else None

    def connection_lost(self, error: Exception | None) -> None:
        if self._is_admitted:
            self._relay.left(self._user)
            super().connection_lost(error)


def main(file: Path, port: int) -> None:
    """Listen at a port of the loopback interface until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's: it writes each command
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    asyncio.run(_serve(file, port))


async def _serve(file: Path, port: int) -> None:
    loop = asyncio.get_running_loop()
    relay = Relay(file)
    server = await loop.create_server(lambda: Connection(relay), "127.0.0.1", port)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    _logger.info("mails are taken at port %d", port)
    await ended.wait()
    server.close()


def _too_many(settings: RelaySettings) -> str:
    return f"452 4.7.1 At most {settings.smarthost.per_hour} recipients an hour; please send the rest later"
