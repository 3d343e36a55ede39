"""One mail of an instance, and what the operator's mail server says of it: that is what the instance is told.

Each recipient is passed on when the instance names it. So each has an answer of its own, a true one, and the
instance can send the mail again to just those who were refused for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

import aiosmtplib

from tenantry.model.mail import Smarthost
from tenantry.relay.delivery import Delivery, reason

_logger = logging.getLogger(__name__)

OK = "250 OK"
_ANSWERED_WITHIN_S = 45
"""Odoo waits 60 s. If it has no answer by then, it sends the mail again."""
_AWAY = "451 4.4.1 The provider's mail server cannot be reached"
_OPERATORS_FAULTS = (530, 535, 553)
"""Answers about the operator's login or sender, whatever they answer to."""
_CLOSING = "421"


class Conversation:
    """With the operator's mail server, about one mail. Its methods return what to answer.

    turn: of the instance; so many mails of it are under way at once.
    refusal: the last answer by which the mail, or a recipient of it, was refused for good.
    """

    def __init__(self, smarthost: Smarthost, turn: asyncio.Semaphore) -> None:
        self.smarthost = smarthost
        self.refusal = ""
        self._delivery = Delivery(smarthost)
        self._turn = turn
        self._has_turn = self._has_ended = False

    async def begin(self, size: int) -> str:
        return await self._answer_to(self._begin(size), OK)

    async def offer(self, recipient: str) -> str:
        return _AWAY if self._has_ended else await self._answer_to(self._delivery.offer(recipient), OK)

    async def send(self, message: bytes) -> str:
        if self._has_ended:
            return _AWAY
        return await self._answer_to(self._delivery.send(message), "250 2.0.0 Sent")

    def end(self) -> None:
        """It may have ended already."""
        self._has_ended = True
        self._delivery.end()
        if self._has_turn:
            self._has_turn = False
            self._turn.release()

    async def _begin(self, size: int) -> None:
        await self._turn.acquire()
        self._has_turn = True
        await self._delivery.begin(size)

    async def _answer_to(self, asked: Awaitable[None], taken: str) -> str:
        """taken: the answer if nothing is refused."""
        host = self.smarthost.host
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN_S):
                await asked
        except asyncio.CancelledError:
            self.end()  # the instance is gone; while connecting there was nothing to close yet
            raise
        except TimeoutError:
            self.end()
            return "451 4.4.2 The provider's mail server does not answer in time"
        except aiosmtplib.SMTPResponseException as error:
            return self._refused(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            self.end()
            _logger.error("%s does not take mails: %s", host, reason(error))
            return _AWAY
        return taken

    def _refused(self, error: aiosmtplib.SMTPResponseException) -> str:
        words = reason(error)
        if not _is_of_the_mail(error):
            self.end()
            _logger.error("%s refuses its settings: %s", self.smarthost.host, words)
            return "451 4.3.0 The provider's mail server does not accept the provider's settings"
        if words.startswith("5"):
            self.refusal = words
        # That the mail server closes its connection: the instance need not close its own.
        return words.replace(_CLOSING, "451", 1) if words.startswith(_CLOSING) else words


def _is_of_the_mail(error: aiosmtplib.SMTPResponseException) -> bool:
    """Whether the mail server refuses this mail or its recipients, and not the operator's settings."""
    if isinstance(error, aiosmtplib.SMTPSenderRefused):
        return error.code == 552  # the size was told with the sender
    kinds = (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError)
    return isinstance(error, kinds) and error.code not in _OPERATORS_FAULTS
