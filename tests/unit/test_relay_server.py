"""What the relay answers for the operator's mail server, and whom it lets in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import aiosmtplib
import pytest
from aiosmtpd.smtp import Envelope, LoginPassword

from tenantry.model.keys import mail_key, mail_login, mail_password
from tenantry.model.mail import Smarthost
from tenantry.model.secret import Secret
from tenantry.relay import conversation
from tenantry.relay.delivery import Delivery
from tenantry.relay.server import Connection, Relay
from tenantry.relay.settings import RelaySettings
from tenantry.spawner import identity

KEY = mail_key(Secret("the key of all instances"))
TO = "bob@shop.example"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(identity.os, "geteuid", lambda: 1000)
    file = tmp_path / "settings.json"
    RelaySettings(KEY, Smarthost("smtp.provider.example", 587, "mail@provider.example")).write(file)
    return file


class Talk:
    """What a mail to one recipient is answered."""

    def __init__(self, file: Path) -> None:
        self.relay = Relay(file, has_users=False)
        self.answers: list[str] = []

    def hold(self) -> str:
        """Its last answer."""
        asyncio.run(self._hold())
        return self.answers[-1]

    async def _hold(self) -> None:
        connection = SimpleNamespace(conversation=None, end_conversation=lambda: None)
        envelope = Envelope()
        session = SimpleNamespace(instance="acme", number="17", is_engine=False)
        asked = (
            lambda: self.relay.handle_MAIL(connection, session, envelope, "ann@acme.example", []),
            lambda: self.relay.handle_RCPT(connection, session, envelope, TO, []),
            lambda: self.relay.handle_DATA(connection, session, envelope),
        )
        for ask in asked:
            envelope.content = b"From: ann@acme.example\r\n\r\nHello\r\n"
            self.answers.append(await ask())
            if not self.answers[-1].startswith("250"):
                return


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the mail server answer to a command with an error, and take all else."""

    def answer(error: Exception | None, to: str = "") -> None:
        def method(name: str) -> Callable[..., Awaitable[None]]:
            async def called(*_arguments: object) -> None:
                if error and name == to:
                    raise error

            return called

        for name in ("begin", "offer", "send"):
            monkeypatch.setattr(Delivery, name, method(name))

    return answer


@pytest.mark.parametrize(
    ("to", "error", "answer"),
    [
        ("offer", aiosmtplib.SMTPRecipientRefused(550, "5.1.1 No such user", TO), "550 5.1.1 No such user"),
        ("offer", aiosmtplib.SMTPRecipientRefused(450, "4.2.2 Full", TO), "450 4.2.2 Full"),
        ("offer", aiosmtplib.SMTPRecipientRefused(421, "4.3.2 Closing", TO), "451 4.3.2 Closing"),
        ("send", aiosmtplib.SMTPDataError(554, "5.7.1 Spam"), "554 5.7.1 Spam"),
        ("send", aiosmtplib.SMTPDataError(554, "Indésirable\r\n250 OK"), "554 Ind?sirable 250 OK"),
        ("send", aiosmtplib.SMTPDataError(554, "Spam\x1b[2J\0\x7f"), "554 Spam?[2J??"),
        ("begin", aiosmtplib.SMTPSenderRefused(552, "Too large", "x"), "552 Too large"),
    ],
)
def test_a_refusal_of_the_mail_is_told_in_the_mail_servers_words(
    file: Path, answering: Callable[..., None], to: str, error: Exception, answer: str
):
    answering(error, to)
    assert Talk(file).hold() == answer


@pytest.mark.parametrize(
    ("to", "error", "logged"),
    [
        ("begin", aiosmtplib.SMTPAuthenticationError(535, "Wrong password"), "535 Wrong password"),
        ("begin", aiosmtplib.SMTPSenderRefused(550, "Not your domain", "x"), "550 Not your domain"),
        ("send", aiosmtplib.SMTPDataError(530, "Log in first"), "530 Log in first"),
        ("offer", aiosmtplib.SMTPRecipientRefused(553, "Sender not owned", TO), "553 Sender not owned"),
        ("begin", aiosmtplib.SMTPConnectResponseError(554, "You are blocked"), "554 You are blocked"),
        ("begin", aiosmtplib.SMTPHeloError(501, "What?"), "501 What?"),
    ],
)
def test_what_the_operator_has_to_mend_is_in_the_log_and_the_instance_may_send_it_later(
    file: Path,
    answering: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    to: str,
    error: Exception,
    logged: str,
):
    answering(error, to)
    answer = Talk(file).hold()
    assert answer.startswith("451 4.3.0")
    assert logged not in answer
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"smtp.provider.example refuses its settings: {logged}"
    ]


def test_a_recipient_who_is_refused_is_named_in_the_log(
    file: Path, answering: Callable[..., None], caplog: pytest.LogCaptureFixture
):
    answering(aiosmtplib.SMTPRecipientRefused(550, "No such user", TO), "offer")
    Talk(file).hold()
    assert "bob@shop.example was refused: 550 No such user" in caplog.text


@pytest.mark.parametrize("to", ["begin", "offer", "send"])
def test_a_slow_mail_server_is_answered_for_before_odoo_would_send_the_mail_again(
    file: Path, answering: Callable[..., None], monkeypatch: pytest.MonkeyPatch, to: str
):
    answering(None)
    monkeypatch.setattr(conversation, "_ANSWERED_WITHIN_S", 0.05)

    async def hang(*_arguments: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(Delivery, to, hang)
    talk = Talk(file)
    assert talk.hold().startswith("451 4.4.2")
    assert len(talk.answers) == 1 + ["begin", "offer", "send"].index(to)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # only this machine can connect
@pytest.mark.parametrize("to", ["begin", "offer"])
def test_no_failure_keeps_an_instances_turn(
    file: Path, answering: Callable[..., None], monkeypatch: pytest.MonkeyPatch, to: str
):
    relay, envelope = Relay(file, has_users=False), Envelope()
    session = SimpleNamespace(instance="acme", number="17", is_engine=False)

    async def begin(connection: Connection) -> str:
        return await relay.handle_MAIL(connection, session, envelope, "ann@acme.example", [])

    async def fail_and_go_on() -> str:
        answering(MemoryError(), to)
        connection = Connection(relay)
        connection.session = session
        for _ in range(3):
            with suppress(MemoryError):
                await begin(connection)
                await relay.handle_RCPT(connection, session, envelope, TO, [])
        connection.end_conversation()
        answering(None)
        return await begin(Connection(relay))

    monkeypatch.setattr(conversation, "_ANSWERED_WITHIN_S", 0.5)
    assert asyncio.run(fail_and_go_on()) == "250 OK"


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
