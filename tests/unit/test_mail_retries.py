"""When an instance's Odoo sends a mail again that was refused for a while."""

from __future__ import annotations

import ast
import smtplib
import socket
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
        smtplib.SMTPRecipientsRefused({"bob@shop.example": LATER, "eve@shop.example": NEVER}),
        smtplib.SMTPConnectError(421, b"Too many connections"),
        smtplib.SMTPServerDisconnected("Connection unexpectedly closed"),
        ConnectionRefusedError(),
        TimeoutError(),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
    ],
    ids=repr,
)
def test_what_is_refused_for_a_while_is_sent_again(error: Exception):
    assert retries.is_for_a_while(error)


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPDataError(554, b"Spam"),
        smtplib.SMTPRecipientsRefused({"eve@shop.example": NEVER}),
        smtplib.SMTPAuthenticationError(535, b"Wrong password"),
        smtplib.SMTPNotSupportedError("no STARTTLS"),
        ssl.SSLCertVerificationError("self-signed"),
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
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


@pytest.mark.parametrize(
    "headers",
    [
        *("", "{", "None", "[1]", "{'X-Tenantry-Retry': 1}", "f()", "(" * 10000),
        "{'X-Tenantry-Retry': {'since': 5, 'sent': 7}}",
        "{'X-Tenantry-Retry': {'since': 'yesterday', 'sent': None}}",
        "{'X-Tenantry-Retry': {'since': '2026-03-01T12:00:00+01:00', 'sent': 'ann'}}",
    ],
)
def test_what_is_not_remembered_as_we_do_counts_for_nothing(headers: str):
    """An instance's administrator may write any headers: they must not stop the queue."""
    assert retries.Memory.of(headers) == retries.Memory()


def test_a_mail_cannot_say_that_it_was_refused_in_the_future():
    forged = retries.Memory.of("{'X-Tenantry-Retry': {'since': '2999-01-01T00:00:00'}}")
    assert forged.since_or(NOON) == NOON
    assert retries.Memory().since_or(NOON) == NOON


def test_what_is_remembered_is_beside_the_mails_own_headers_and_leaves_no_trace():
    own = "{'List-Id': '<news>'}"
    memory = retries.Memory(NOON, ("ann", 7))
    kept = memory.kept_in(own)
    assert retries.Memory.of(kept) == memory
    assert ast.literal_eval(kept)["List-Id"] == "<news>"
    assert retries.Memory().kept_in(kept) == own
    assert retries.Memory().kept_in(False) is False


def test_who_of_one_email_got_it_is_remembered_beside_the_mails_headers():
    memory = retries.Memory.of(retries.Memory(NOON, ("ann", (7, "bob@shop.example"))).kept_in("{}"))
    assert memory.left_of(7, ["bob@shop.example", "eve@shop.example"]) == ["eve@shop.example"]
    assert memory.left_of("ann", ["bob@shop.example"]) == ["bob@shop.example"]


def test_a_mail_that_some_were_refused_is_an_error_that_says_who_got_it():
    refused = {"bob@shop.example": LATER}
    send = retries.telling(lambda *_arguments: refused)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as raised:
        send("mail", "ann@acme.example", ["bob@shop.example", "eve@shop.example"])
    assert raised.value.recipients == refused
    assert raised.value.sent == ["eve@shop.example"]
    refused = {}
    assert send("mail", "ann@acme.example", ["bob@shop.example"]) == {}


def test_the_emails_that_were_sent_are_known_of_their_own_mail_only():
    sending = retries.Sending()
    sending.begin(7, ["ann", "bob"])
    sending.note_sent(sending.next_key())
    sending.next_key()
    assert sending.sent_of(7) == ["ann"]
    assert sending.sent_of(8) == []
