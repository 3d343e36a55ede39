"""When a mail that was refused for a while is sent again. This file needs no Odoo."""

import ast
import smtplib
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta

HEADER = "X-Tenantry-Retry"
"""Where a mail's own headers have what is remembered of it. It never leaves Odoo."""
_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(hours=1)
_GIVEN_UP_AFTER = timedelta(days=2)
_TOGETHER_S = 300
"""Mails that wait are sent at such times only: a sleeping Odoo is woken once for all of them."""


@dataclass(frozen=True)
class Memory:
    """What is remembered of a mail.

    since: when it was refused first, in UTC. sent: the keys of the emails that were sent; of one that only
    some of its addresses got, pairs of its key and such an address. An instance's administrator may write
    anything into headers: what is not ours counts for nothing.
    """

    since: datetime | None = None
    sent: tuple = ()

    @classmethod
    def of(cls, headers):
        known = _read(headers).get(HEADER)
        if not isinstance(known, dict):
            return cls()
        sent = known.get("sent")
        return cls(_time(known.get("since")), tuple(sent) if isinstance(sent, (list, tuple)) else ())

    def left_of(self, key, addresses):
        """Those of an email's addresses that did not get it."""
        return [address for address in addresses if (key, address) not in self.sent]

    def since_or(self, now):
        """When it was refused first, if that was before now; else now."""
        return min(self.since or now, now)

    def kept_in(self, headers):
        """The headers with this instead of what was remembered before."""
        others = {name: value for name, value in _read(headers).items() if name != HEADER}
        known = {"since": self.since and self.since.isoformat(), "sent": list(self.sent)}
        if self == Memory():
            return repr(others) if HEADER in _read(headers) else headers
        return repr(others | {HEADER: known})


def _read(headers):
    """As Odoo reads them; {} if it cannot."""
    try:
        read = ast.literal_eval(headers or "{}")
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _time(text):
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return None if found.tzinfo else found


class Sending:
    """The emails of the mail that Odoo is sending: a mail has one for each recipient."""

    def __init__(self):
        self.begin(None, ())

    def begin(self, mail_id, keys):
        """keys: of the emails that are sent from now on, in their order."""
        self._mail_id, self._coming, self._sent = mail_id, list(keys), []

    def next_key(self):
        return self._coming.pop(0) if self._coming else None

    def note_sent(self, key):
        self._sent.append(key)

    def sent_of(self, mail_id):
        """The keys of what was sent before an email was refused; see `Memory`."""
        return self._sent if mail_id == self._mail_id else []


class PartlyRefused(smtplib.SMTPRecipientsRefused):
    """Some of an email's recipients were refused. sent: the addresses of the others, who got it."""

    def __init__(self, refused, sent):
        super().__init__(refused)
        self.sent = sent


def telling(send_message):
    """smtplib's `send_message`, but it raises PartlyRefused; smtplib returns whom a server refused."""

    def send(message, sender, recipients):
        if refused := send_message(message, sender, recipients):
            raise PartlyRefused(refused, [address for address in recipients if address not in refused])
        return refused

    return send


def next_try(now, since):
    """When to send it again; None: never. now, since: UTC; of the first refusal.

    The distance grows with the time that it waits.
    """
    if now - since >= _GIVEN_UP_AFTER:
        return None
    at = now + min(max(now - since, _SHORTEST), _LONGEST)
    too_early_s = -(at.minute * 60 + at.second) % _TOGETHER_S
    return at.replace(microsecond=0) + timedelta(seconds=too_early_s)


def is_for_a_while(error):
    """Whether a mail server may take the mail later: it said so, or it could not be reached.

    error: what sending or connecting raised; Odoo's own exception has the cause as its context.
    """
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        # Those who are refused for good are so again, and last: then the mail has failed.
        return any(_says_later(code) for code, _text in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return _says_later(error.smtp_code)
    if isinstance(error, smtplib.SMTPException):
        return isinstance(error, smtplib.SMTPServerDisconnected)
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN  # otherwise there is no server of that name
    # A certificate that is not accepted will not be accepted later either.
    return isinstance(error, OSError) and not isinstance(error, ssl.SSLCertVerificationError)


def _says_later(code):
    return 400 <= code < 500 or code < 0  # smtplib's -1: what it got is no answer
