"""The relay's SMTP server, on the loopback interface.

It keeps no mail: an instance gets each answer when the operator's mail server has given its own. So nothing
is lost when the relay ends, and Odoo shows what was refused.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import resource
import signal
import socket
import time
from collections import Counter, defaultdict
from dataclasses import astuple
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tenantry.model.keys import ENGINES_MAIL_LOGIN, mail_password
from tenantry.model.mail import Smarthost
from tenantry.relay import message
from tenantry.relay.allowance import Allowance
from tenantry.relay.asking import Counted, answer_with
from tenantry.relay.conversation import OK, Conversation
from tenantry.relay.peers import user_of
from tenantry.relay.reading import MAX_MESSAGE_BYTES, Refused, Space, read_mail
from tenantry.relay.refusals import RefusalLog
from tenantry.relay.settings import RelaySettings
from tenantry.spawner import identity

_logger = logging.getLogger(__name__)

MAX_RECIPIENTS = 50
_CONNECTIONS, _OF_USER, _OF_INSTANCE = 100, 4, 2
"""Connections in all, of one user id, and of one instance."""
_IDLE_S = 60
_SPACE_BYTES, _OF_INSTANCE_BYTES = 100 * 2**20, 25 * 2**20
"""Of the mails that are in memory; a mail that is being passed on is there about five times."""
_MEMORY_BYTES = 2**30
_NOT_SET = "451 4.3.0 The provider has set no mail server"


class Relay:
    """Handles what aiosmtpd reads."""

    def __init__(self, file: Path, has_users: bool) -> None:
        """has_users: whether each tenant is a user of its own, as it is where root started the relay."""
        self._file = file
        self._has_users = has_users
        self._allowance = Allowance(time.monotonic)
        self._refusals = RefusalLog(time.time)
        self._of_user: Counter[int | None] = Counter()
        self._of_instance: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(_OF_INSTANCE)
        )
        self.space = Space(_SPACE_BYTES, _OF_INSTANCE_BYTES)

    # ------------------------------------------------------------ connections

    def admit(self, user: int | None) -> bool:
        """Count a connection, unless there are too many. One user must not shut the others out.

        A tenant can hide whose its connection is, by closing its end at once: then it is nobody's or root's.
        """
        most = _OF_USER if self._has_users else _CONNECTIONS
        if self._of_user.total() >= _CONNECTIONS or self._of_user[user] >= most:
            return False
        self._of_user[user] += 1
        return True

    def left(self, user: int | None) -> None:
        self._of_user[user] -= 1
        if not self._of_user[user]:
            del self._of_user[user]

    def authenticate(
        self, server: Any, session: Any, _envelope: Any, _mechanism: str, given: LoginPassword
    ) -> AuthResult:
        settings = RelaySettings.read(self._file)
        login = given.login.decode("utf-8", "replace")
        expected = mail_password(settings.key, login).reveal() if settings else ""
        if not expected or not hmac.compare_digest(expected.encode(), given.password):
            return AuthResult(success=False, handled=False)
        session.instance, _dot, session.number = login.rpartition(".")
        session.is_engine = login == ENGINES_MAIL_LOGIN
        user = server.user
        is_own = user == 0 if session.is_engine else identity.is_tenants(user, int(session.number))
        if self._has_users and not is_own:
            _logger.warning("the login of %s was used by the user %s", session.instance, user)
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True)

    # ------------------------------------------------------------ a message

    async def handle_MAIL(
        self, server: Connection, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        settings = RelaySettings.read(self._file)
        if settings is None:
            return _NOT_SET
        if session.is_engine:
            return "550 5.7.1 It sends no mails"
        if not self._allowance.remaining(session.number, settings.smarthost.per_hour):
            return _too_many(settings.smarthost)
        server.end_conversation()  # one whose beginning failed unexpectedly would keep its turn
        server.conversation = Conversation(settings.smarthost, self._of_instance[session.number])
        answer = await server.conversation.begin(_size_in(options))
        if answer == OK:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        else:
            server.end_conversation()
        return answer

    async def handle_RCPT(
        self, server: Connection, session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Those who are beyond a limit are refused for a while: the others get the mail now."""
        conversation = server.conversation
        if conversation is None:
            return _NOT_SET
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return f"452 4.5.3 At most {MAX_RECIPIENTS} recipients in one mail; please send the rest later"
        if not self._allowance.remaining(session.number, conversation.smarthost.per_hour):
            return _too_many(conversation.smarthost)
        # Counted before it is taken: recipients whom the mail server refuses cost it work, too.
        self._allowance.note(session.number, 1)
        answer = await conversation.offer(address)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        else:
            _logger.warning("%s: %s was refused: %s", session.instance, address, answer)
        return answer

    async def handle_DATA(self, server: Connection, session: Any, envelope: Any) -> str:
        answer = await self._send(server.conversation, session, envelope)
        _logger.info("%s: %d recipients: %s", session.instance, len(envelope.rcpt_tos), answer)
        return answer

    async def handle_exception(self, error: Exception) -> str:
        """Nothing that the author could mend: they may send it again."""
        _logger.error("a mail could not be passed on", exc_info=error)
        return "451 4.3.0 The mail could not be passed on"

    async def _send(self, conversation: Conversation | None, session: Any, envelope: Any) -> str:
        if conversation is None:
            return _NOT_SET
        try:
            sender = conversation.smarthost.sender
            text = message.from_operator(envelope.content, sender, session.instance)
        except message.BadMessage as error:
            return f"550 5.6.0 The mail cannot be sent: {error}"
        envelope.content = envelope.original_content = None
        return await conversation.send(text)

    def note_refusal(self, instance: str, answer: str) -> None:
        self._refusals.note(instance, answer)

    # ------------------------------------------------------------ what the engine asks

    def counted(self) -> list[Counted]:
        """What each instance sent in the last hour, and what was refused; by its database's oid."""
        known = self._allowance.instances | self._refusals.instances
        return [
            Counted(int(number), self._allowance.used(number), *astuple(self._refusals.of(number)))
            for number in sorted(known, key=int)
        ]


class Connection(SMTP):
    """One connection, unless there are too many."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(
            relay,
            data_size_limit=MAX_MESSAGE_BYTES,
            enable_SMTPUTF8=False,
            hostname="localhost",
            ident="Tenantry",
            timeout=_IDLE_S,
            auth_required=True,
            auth_require_tls=False,
            authenticator=relay.authenticate,
        )
        self._relay = relay
        self.user: int | None = None
        self.conversation: Conversation | None = None
        self._is_admitted = False

    def connection_made(self, transport: Any) -> None:
        self.user = user_of(transport.get_extra_info("peername"), transport.get_extra_info("sockname"))
        self._is_admitted = self._relay.admit(self.user)
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
            self.end_conversation()
            self._relay.left(self.user)
            super().connection_lost(error)

    def end_conversation(self) -> None:
        """With the operator's mail server, if there is one."""
        conversation, self.conversation = self.conversation, None
        if conversation:
            conversation.end()
            session: Any = self.session
            self._relay.note_refusal(session.number, conversation.refusal)

    def _set_rset_state(self) -> None:
        self.end_conversation()
        super()._set_rset_state()  # type: ignore[no-untyped-call]

    async def smtp_DATA(self, arg: str) -> None:
        """As aiosmtpd's, which keeps an object for each line: 25 MB of empty lines are a gigabyte."""
        session: Any = self.session
        envelope: Any = self.envelope
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        if arg or not envelope.rcpt_tos:
            await self.push("501 Syntax: DATA" if arg else "503 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        with self._relay.space.lent(session.number) as take:
            try:
                envelope.content = bytes(await read_mail(self._reader, take))
                self._reset_timeout()
                answer = await self._relay.handle_DATA(self, session, envelope)
            except Refused as refused:
                answer = str(refused)
            finally:
                self._set_rset_state()
        await self.push(answer)

    async def smtp_XCOUNTED(self, _arg: str) -> None:
        """Ours: what the engine asks, see `tenantry.relay.asking`. Nobody else has its login."""
        session: Any = self.session
        if await self.check_auth_needed("XCOUNTED"):
            return
        if not session.is_engine:
            await self.push("550 5.7.1 Only the engine may ask")
            return
        await self.push(answer_with(self._relay.counted()))


def main(file: Path, listener: socket.socket) -> None:
    """Take mails at a listening socket of the loopback interface until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd's: it writes lines for each connection
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    asyncio.run(_serve(Relay(file, has_users=os.geteuid() == identity.RELAY), listener))


async def _serve(relay: Relay, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(relay), sock=listener)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    _logger.info("mails are taken at port %d", listener.getsockname()[1])
    await ended.wait()
    server.close()


def _size_in(options: list[str]) -> int:
    """The bytes that the instance has announced; 0: none. aiosmtpd has looked that they are a number."""
    sizes = (option.partition("=")[2] for option in options if option.startswith("SIZE="))
    return int(next(sizes, "0"))


def _too_many(smarthost: Smarthost) -> str:
    return f"452 4.7.1 At most {smarthost.per_hour} recipients an hour; please send the rest later"
