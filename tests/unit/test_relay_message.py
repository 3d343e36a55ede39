"""What the relay changes of a mail: who it is from. All else arrives as it was written."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.relay.message import MAX_HEADER_BYTES, BadMessage, from_operator

_SENDER = "mail@provider.example"


def passed_on(content: bytes) -> EmailMessage:
    return message_from_bytes(from_operator(content, _SENDER, "acme"), policy=policy.default)


def mail(*fields: str, body: str = "Hello\r\n") -> bytes:
    return "".join(f"{field}\r\n" for field in [*fields, ""]).encode() + body.encode()


def test_a_mail_comes_from_the_operators_address_in_the_authors_name_and_answers_go_to_the_author():
    sent = passed_on(
        mail("From: Léa Dupont <lea@bakery.example>", "To: bob@shop.example", "Subject: Invoice")
    )
    assert sent["From"] == "Léa Dupont <mail@provider.example>"
    assert sent["Reply-To"].addresses[0].addr_spec == "lea@bakery.example"
    assert (sent["To"], sent["Subject"]) == ("bob@shop.example", "Invoice")
    assert sent["X-Tenantry-Instance"] == "acme"


def test_an_encoded_name_is_kept():
    sent = passed_on(mail("From: =?utf-8?b?TMOpYSBEdXBvbnQ=?= <lea@bakery.example>"))
    assert sent["From"].addresses[0].display_name == "Léa Dupont"


def test_an_author_without_a_name_is_called_by_their_mailbox():
    assert passed_on(mail("From: lea@bakery.example"))["From"] == "lea <mail@provider.example>"


def test_an_author_whose_name_is_no_name_is_passed_on_without_it():
    nested = "(" * 990
    assert passed_on(mail(f"From: {nested} lea@bakery.example"))["From"] == "mail@provider.example"


def test_a_reply_to_of_the_author_is_kept():
    sent = passed_on(mail("From: lea@bakery.example", "Reply-To: shop@bakery.example"))
    assert sent.get_all("Reply-To") == ["shop@bakery.example"]


def test_no_other_field_says_who_it_is_from():
    sent = passed_on(
        mail(
            "from: lea@bakery.example",
            "FROM: boss@bank.example",
            "Sender: boss@bank.example",
            "Return-Path: <boss@bank.example>",
            "X-Tenantry-Instance: rival",
            "DKIM-Signature: v=1; d=bank.example",
            "\tb=abc",
        )
    )
    assert sent.get_all("From") == ["lea <mail@provider.example>"]
    assert sent.get_all("X-Tenantry-Instance") == ["acme"]
    assert "boss" not in str(sent).partition("Reply-To")[0]
    assert not {"Sender", "Return-Path", "DKIM-Signature"} & set(sent.keys())


def test_all_other_fields_and_the_body_stay_as_they_are_byte_for_byte():
    header = b"Subject: =?utf-8?q?Th=C3=A9?=\r\n folded\r\nContent-Type: text/plain\r\n"
    rest = header + b"\r\n.\r\nbody \xff\r\n\r\nFrom: x\r\n"
    sent = from_operator(b"From: a@b.example\r\n" + rest, _SENDER, "acme")
    assert sent.endswith(rest)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"Subject: x\r\n\r\n", "no From"),
        (b"From: a@b.example\rBcc: all@world.example\r\n\r\n", "control character"),
        (b"From: a@b.example\nBcc: all@world.example\r\n\r\n", "control character"),
        (b"From: a@b.example\r\nno field\r\n\r\n", "no field"),
        (b"From: a@b.example\r\n", "no end"),
        (b"From: a@b.example\r\nX: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n", "no end"),
    ],
)
def test_a_mail_that_programs_could_read_differently_is_refused(content: bytes, reason: str):
    with pytest.raises(BadMessage, match=reason):
        from_operator(content, _SENDER, "acme")


@given(st.binary(max_size=300))
def test_whatever_an_author_writes_the_address_is_the_operators(author: bytes):
    try:
        sent = from_operator(b"From: " + author + b"\r\n\r\nbody", _SENDER, "acme")
    except BadMessage:
        return
    first = sent.partition(b"\r\n")[0]
    assert first.startswith(b"From: ")
    assert first.endswith(b"<mail@provider.example>") or first == b"From: mail@provider.example"
    assert first.count(b"@") == 1
    assert sent.lower().count(b"\r\nfrom:") == 0
