"""When an instance's Odoo sends a mail again that was refused for a while."""

from __future__ import annotations

import smtplib
import ssl
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tenant_side import load

retries = load("saas_tenant.tools.retries")

NOON = datetime(2026, 3, 1, 12, 0, 0)
LATER, NEVER = (452, b"At most 100 recipients an hour"), (550, b"No such user")


def tries(refused_at: datetime) -> list[datetime]:
    """When a mail is sent that is refused each time."""
    found = [refused_at]
    while at := retries.next_try(found[-1], refused_at):
        found.append(at)
    return found


def test_the_distance_grows_and_then_there_is_an_end():
    minutes = [int((at - NOON).total_seconds() // 60) for at in tries(NOON)]
    assert minutes[:6] == [0, 5, 10, 20, 40, 80]
    assert {later - earlier for earlier, later in pairwise(minutes[5:])} == {60}
    assert timedelta(days=2) <= timedelta(minutes=minutes[-1]) < timedelta(days=2, hours=1)


@given(st.datetimes(datetime(2026, 1, 1), NOON), st.timedeltas(timedelta(0), timedelta(days=3)))
def test_mails_that_wait_are_sent_at_common_times_and_never_at_once(since: datetime, waited: timedelta):
    now = since + waited
    at = retries.next_try(now, since)
    if waited >= timedelta(days=2):
        assert at is None
    else:
        assert at.minute % 5 == at.second == at.microsecond == 0
        assert timedelta(minutes=4) < at - now <= timedelta(hours=1, minutes=5)


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPSenderRefused(*LATER, "ann@acme.example"),
        smtplib.SMTPDataError(451, b"The provider's mail server cannot be reached"),
        smtplib.SMTPRecipientsRefused({"bob@shop.example": LATER}),
        smtplib.SMTPConnectError(421, b"Too many connections"),
        smtplib.SMTPServerDisconnected("Connection unexpectedly closed"),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
    ids=repr,
)
def test_what_is_refused_for_a_while_is_sent_again(error: Exception):
    assert retries.is_for_a_while(error)


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPDataError(554, b"Spam"),
        smtplib.SMTPRecipientsRefused({"bob@shop.example": LATER, "eve@shop.example": NEVER}),
        smtplib.SMTPAuthenticationError(535, b"Wrong password"),
        smtplib.SMTPNotSupportedError("no STARTTLS"),
        ssl.SSLCertVerificationError("self-signed"),
        AssertionError("no valid recipient"),
        None,
    ],
    ids=repr,
)
def test_what_will_not_be_taken_later_either_has_failed(error: Exception | None):
    assert not retries.is_for_a_while(error)


def test_the_cause_counts_of_the_exception_that_odoo_raises():
    """Odoo raises it while it handles the cause, without naming it."""
    odoos = ValueError("Mail Delivery Failed")
    odoos.__context__ = smtplib.SMTPDataError(*LATER)
    assert retries.is_for_a_while(odoos)


def test_the_emails_that_were_sent_are_known_of_their_own_mail_only():
    sending = retries.Sending()
    sending.begin(7, ["ann", "bob"])
    sending.note_sent(sending.next_key())
    sending.next_key()
    assert sending.sent_of(7) == ["ann"]
    assert sending.sent_of(8) == []
