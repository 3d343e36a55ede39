"""What the relay answers for the operator's mail server, and whom it lets in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import aiosmtplib
import pytest
from aiosmtpd.smtp import Envelope, LoginPassword

from tenantry.model.keys import mail_key, mail_login, mail_password
from tenantry.model.mail import Smarthost
from tenantry.model.secret import Secret
from tenantry.relay import delivery, server
from tenantry.relay.server import Relay
from tenantry.relay.settings import RelaySettings
from tenantry.spawner import identity

KEY = mail_key(Secret("the key of all instances"))
TO = ["bob@shop.example", "eve@shop.example"]
Deliver = Callable[..., Awaitable[dict[str, str]]]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(identity.os, "geteuid", lambda: 1000)
    file = tmp_path / "settings.json"
    RelaySettings(KEY, Smarthost("smtp.provider.example", 587, "mail@provider.example")).write(file)
    return file


def send(file: Path, monkeypatch: pytest.MonkeyPatch, deliver: Deliver) -> str:
    """The answer to a mail to two recipients."""
    monkeypatch.setattr(delivery, "deliver", deliver)
    envelope = Envelope()
    envelope.content, envelope.rcpt_tos = b"From: ann@acme.example\r\n\r\nHello\r\n", TO
    session = SimpleNamespace(instance="acme", number="17")
    return asyncio.run(Relay(file, has_users=False).handle_DATA(None, session, envelope))


def raising(error: Exception) -> Deliver:
    async def deliver(*_arguments: object) -> dict[str, str]:
        raise error

    return deliver


def refused_recipient(code: int, text: str) -> aiosmtplib.SMTPRecipientsRefused:
    return aiosmtplib.SMTPRecipientsRefused([aiosmtplib.SMTPRecipientRefused(code, text, TO[0])])


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (refused_recipient(550, "5.1.1 No such user"), "550 5.1.1 No such user"),
        (aiosmtplib.SMTPDataError(554, "5.7.1 Spam"), "554 5.7.1 Spam"),
        (aiosmtplib.SMTPDataError(554, "5.7.1 Indésirable\r\n250 OK"), "554 5.7.1 Ind?sirable 250 OK"),
        (aiosmtplib.SMTPDataError(554, "Spam\x1b[2J\0\x7f"), "554 Spam?[2J??"),
        (aiosmtplib.SMTPSenderRefused(552, "Too large", "x"), "552 Too large"),
    ],
)
def test_a_refusal_of_the_mail_is_told_in_the_mail_servers_words(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, answer: str
):
    assert send(file, monkeypatch, raising(error)) == answer


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (aiosmtplib.SMTPAuthenticationError(535, "Wrong password"), "535 Wrong password"),
        (aiosmtplib.SMTPSenderRefused(550, "Not your domain", "x"), "550 Not your domain"),
        (aiosmtplib.SMTPDataError(530, "Log in first"), "530 Log in first"),
        (refused_recipient(553, "Sender not owned by user"), "553 Sender not owned by user"),
        (aiosmtplib.SMTPConnectResponseError(554, "You are blocked"), "554 You are blocked"),
        (aiosmtplib.SMTPHeloError(501, "What?"), "501 What?"),
    ],
)
def test_what_the_operator_has_to_mend_is_in_the_log_and_the_instance_may_send_it_later(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    logged: str,
):
    answer = send(file, monkeypatch, raising(error))
    assert answer.startswith("451 4.3.0")
    assert logged not in answer
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"smtp.provider.example refuses its settings: {logged}"
    ]


def test_refused_recipients_are_counted_in_the_answer_and_named_in_the_log(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def deliver(*_arguments: object) -> dict[str, str]:
        return {TO[0]: "550 No such user"}

    answer = send(file, monkeypatch, deliver)
    assert answer.startswith("250")
    assert "1 of 2" in answer
    assert "bob@shop.example was refused: 550 No such user" in caplog.text


def test_a_slow_mail_server_is_answered_for_before_odoo_would_send_the_mail_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(server, "_ANSWERED_WITHIN_S", 0.05)

    async def deliver(*_arguments: object) -> dict[str, str]:
        await asyncio.sleep(60)
        return {}

    assert send(file, monkeypatch, deliver).startswith("451 4.4.2")


def test_a_failure_of_the_relay_is_no_refusal_of_the_mail(file: Path):
    answer = asyncio.run(Relay(file, has_users=False).handle_exception(MemoryError()))
    assert answer.startswith("451 4.3.0")


def log_in(relay: Relay, user: int | None, oid: int) -> bool:
    login = mail_login("acme", oid)
    given = LoginPassword(login.encode(), mail_password(KEY, login).reveal().encode())
    return relay.authenticate(SimpleNamespace(user=user), SimpleNamespace(), None, "PLAIN", given).success


def test_a_login_works_only_from_its_own_instances_process(file: Path):
    own, others = identity._FIRST + 17, identity._FIRST + 18
    relay = Relay(file, has_users=True)
    assert log_in(relay, own, 17)
    assert not any(log_in(relay, user, 17) for user in (others, 0, 1000, None))
    assert log_in(Relay(file, has_users=False), 1000, 17)


@pytest.mark.parametrize("user", [None, 0, identity._FIRST + 17])
def test_no_user_has_more_than_four_connections_where_each_tenant_has_one(file: Path, user: int | None):
    relay = Relay(file, has_users=True)
    assert [relay.admit(user) for _ in range(5)] == [True] * 4 + [False]
    assert relay.admit(identity._FIRST + 18)
    relay.left(user)
    assert relay.admit(user)


def test_an_installation_without_root_is_one_user_and_has_all_connections(file: Path):
    relay = Relay(file, has_users=False)
    assert [relay.admit(1000) for _ in range(101)] == [True] * 100 + [False]
