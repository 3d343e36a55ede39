"""The mail relay, as its own process, between an instance's Odoo and the operator's mail server."""

from __future__ import annotations

import asyncio
import os
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiosmtpd.smtp import Envelope
from tests.support.mail_server import MailServer
from tests.support.waiting import wait_until

from tenantry.model.keys import ENGINES_MAIL_LOGIN, mail_key, mail_login, mail_password
from tenantry.model.mail import Security, Smarthost
from tenantry.model.secret import Secret
from tenantry.ports import free_port
from tenantry.relay import asking, program
from tenantry.relay.settings import RelaySettings
from tenantry.spawner import identity

KEY = mail_key(Secret("the key of all instances"))
MAIL = b"From: Ann <ann@acme.example>\r\nTo: bob@shop.example\r\nSubject: Offer\r\n\r\nHello\r\n"


class Relay:
    def __init__(self, folder: Path, smarthost_port: int) -> None:
        folder.mkdir(exist_ok=True)
        self.file = folder / "settings.json"
        self.port = free_port()
        self.smarthost_port = smarthost_port
        self.use()

    def use(self, **changes: object) -> None:
        """Set the operator's mail server."""
        host = {
            "host": "127.0.0.1",
            "port": self.smarthost_port,
            "sender": "mail@provider.example",
            "security": Security.NONE,
        }
        RelaySettings(KEY, Smarthost(**{**host, **changes})).write(self.file)

    @contextmanager
    def connected(self, name: str = "acme", oid: int = 17) -> Iterator[smtplib.SMTP]:
        login = mail_login(name, oid)
        with smtplib.SMTP("127.0.0.1", self.port, timeout=60) as client:
            client.login(login, mail_password(KEY, login).reveal())
            yield client

    def send(self, name: str = "acme", oid: int = 17, recipients: tuple[str, ...] = ("bob@shop.example",)):
        with self.connected(name, oid) as client:
            return client.sendmail("ann@acme.example", recipients, MAIL)


@pytest.fixture
def operators() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def relay(tmp_path: Path, operators: MailServer) -> Iterator[Relay]:
    made = Relay(tmp_path, operators.port)
    with socket.create_server((program.HOST, made.port)) as listener:
        end = listener.fileno()
        command = [sys.executable, "-m", "tenantry.relay", made.file, str(end)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, pass_fds=[end])
    wait_until(lambda: program.is_listening(made.port))
    yield made
    process.terminate()
    assert process.wait(30) == 0


def test_a_mail_arrives_from_the_operators_address_before_the_instance_gets_its_answer(
    relay: Relay, operators: MailServer
):
    relay.send()
    (mail,) = operators.mails
    assert mail["From"] == "Ann <mail@provider.example>"
    assert mail["Reply-To"] == "Ann <ann@acme.example>"
    assert mail["X-Tenantry-Instance"] == "acme"


def test_without_the_login_of_an_instance_nothing_is_taken(relay: Relay, operators: MailServer):
    with smtplib.SMTP("127.0.0.1", relay.port) as stranger:
        with pytest.raises(smtplib.SMTPResponseException) as refused:
            stranger.sendmail("ann@acme.example", ["bob@shop.example"], MAIL)
        assert refused.value.smtp_code == 530
        others = mail_password(KEY, mail_login("rival", 18)).reveal()
        with pytest.raises(smtplib.SMTPAuthenticationError):
            stranger.login(mail_login("acme", 17), others)
    assert operators.mails == []


def test_a_later_instance_of_the_same_name_has_another_login():
    assert mail_password(KEY, mail_login("acme", 17)) != mail_password(KEY, mail_login("acme", 18))


def test_an_instance_at_its_limit_is_told_when_and_others_go_on(relay: Relay, operators: MailServer):
    relay.use(per_hour=2)
    relay.send(recipients=("bob@shop.example", "eve@shop.example"))
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        relay.send()
    assert refused.value.smtp_code == 452
    assert b"2 recipients an hour" in refused.value.smtp_error
    # Under another name, too: a renamed instance has the same database.
    with pytest.raises(smtplib.SMTPSenderRefused):
        relay.send(name="acme-2")
    relay.send("rival", 18)
    assert len(operators.mails) == 2


@pytest.mark.parametrize(
    ("per_hour", "recipients", "words"),
    [(3, 4, b"3 recipients an hour"), (100, 51, b"50 recipients in one mail")],
    ids=["hour", "mail"],
)
def test_of_a_mail_beyond_a_limit_the_rest_is_to_be_sent_later(
    relay: Relay, operators: MailServer, per_hour: int, recipients: int, words: bytes
):
    relay.use(per_hour=per_hour)
    many = [f"bob{number}@shop.example" for number in range(recipients)]
    refused = relay.send(recipients=tuple(many))
    assert list(refused) == many[-1:]
    (code, told) = refused[many[-1]]
    assert code == 452
    assert words in told
    (envelope,) = operators.envelopes
    assert envelope.rcpt_tos == many[:-1]


def refusing(operators: MailServer, **answers: str) -> None:
    """answers: of the mail server, by a recipient's name."""

    async def handle_rcpt(
        _server: object, _session: object, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if answer := answers.get(address.partition("@")[0]):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    operators.handle_RCPT = handle_rcpt


def test_each_recipient_has_the_mail_servers_own_answer_and_the_others_get_the_mail(
    relay: Relay, operators: MailServer
):
    refusing(operators, bob="450 4.2.2 Mailbox full", eve="550 5.1.1 No such user")
    to = ("bob@shop.example", "ann@shop.example", "eve@shop.example")
    assert relay.send(recipients=to) == {
        "bob@shop.example": (450, b"4.2.2 Mailbox full"),
        "eve@shop.example": (550, b"5.1.1 No such user"),
    }
    (envelope,) = operators.envelopes
    assert envelope.rcpt_tos == ["ann@shop.example"]
    (acme,) = asking.counted("127.0.0.1", relay.port, KEY, timeout_s=60)
    assert acme[:4] == (17, 3, 1, "550 5.1.1 No such user")


def test_a_mail_of_which_all_recipients_are_refused_is_not_sent_and_the_next_one_is(
    relay: Relay, operators: MailServer
):
    refusing(operators, bob="450 4.2.2 Mailbox full", eve="421 4.3.2 Closing")
    with relay.connected() as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail("ann@acme.example", ["bob@shop.example", "eve@shop.example"], MAIL)
        codes = [code for code, _text in refused.value.recipients.values()]
        assert codes == [450, 451]
        client.sendmail("ann@acme.example", ["ann@shop.example"], MAIL)
    (envelope,) = operators.envelopes
    assert envelope.rcpt_tos == ["ann@shop.example"]


def test_a_mail_server_that_goes_away_in_the_middle_is_to_be_tried_again(relay: Relay, operators: MailServer):
    with relay.connected() as client:
        client.mail("ann@acme.example")
        assert client.rcpt("bob@shop.example")[0] == 250
        operators.stop()
        assert client.rcpt("eve@shop.example")[0] == 451
        assert client.rcpt("ann@shop.example")[0] == 451
        assert client.data(MAIL)[0] == 451
        operators.start()
        client.sendmail("ann@acme.example", ["bob@shop.example"], MAIL)
    assert len(operators.mails) == 1


def test_an_instance_that_says_nothing_more_gives_its_turn_back(relay: Relay, operators: MailServer):
    for _ in range(3):
        with relay.connected() as client:
            client.mail("ann@acme.example")
            client.rcpt("bob@shop.example")
            client.close()
    with relay.connected() as client:
        for _ in range(3):
            client.mail("ann@acme.example")
            client.rcpt("bob@shop.example")
            client.rset()
    relay.send()
    assert len(operators.mails) == 1


def test_what_the_mail_server_refuses_the_instance_is_told_in_its_words(relay: Relay, operators: MailServer):
    async def refuse(_server: object, _session: object, _envelope: object) -> str:
        return "554 5.7.1 This looks like spam"

    operators.handle_DATA = refuse
    with pytest.raises(smtplib.SMTPDataError, match="looks like spam") as refused:
        relay.send()
    assert refused.value.smtp_code == 554


def test_only_the_engine_is_told_what_each_instance_sent_and_what_was_refused(
    relay: Relay, operators: MailServer
):
    async def refuse(_server: object, _session: object, _envelope: object) -> str:
        return "554 5.7.1 This looks like spam"

    began = time.time()
    relay.send(recipients=("bob@shop.example", "eve@shop.example"))
    operators.handle_DATA = refuse
    with pytest.raises(smtplib.SMTPDataError):
        relay.send("rival", 18)
    acme, rival = asking.counted("127.0.0.1", relay.port, KEY, timeout_s=60)
    assert acme == (17, 2, 0, "", 0)
    assert rival[:-1] == (18, 1, 1, "554 5.7.1 This looks like spam")
    assert began <= rival.last_refused_at <= time.time()
    with relay.connected() as client:
        assert client.docmd("XCOUNTED") == (550, b"5.7.1 Only the engine may ask")


def test_the_engine_does_not_wait_for_a_name_server_when_it_asks(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
):
    def look_up(*_arguments: object) -> str:
        raise AssertionError("it may take many seconds")

    monkeypatch.setattr(socket, "getfqdn", look_up)
    assert asking.counted("127.0.0.1", relay.port, KEY, timeout_s=60) == []


def test_nobody_else_has_the_engines_login_which_sends_no_mails(relay: Relay, operators: MailServer):
    with smtplib.SMTP("127.0.0.1", relay.port) as stranger:
        assert stranger.docmd("XCOUNTED")[0] in (503, 530)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            stranger.login(ENGINES_MAIL_LOGIN, mail_password(KEY, mail_login("acme", 17)).reveal())
    with pytest.raises(smtplib.SMTPSenderRefused):
        relay.send("", 0)
    assert operators.mails == []


def test_while_the_mail_server_is_away_instances_are_asked_to_try_again(relay: Relay, operators: MailServer):
    operators.stop()
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        relay.send()
    assert refused.value.smtp_code == 451
    assert b"cannot be reached" in refused.value.smtp_error
    operators.start()
    relay.send()
    assert len(operators.mails) == 1


def test_a_wrong_login_of_the_operators_is_not_shown_as_the_instances_and_never_its_password(
    relay: Relay, operators: MailServer
):
    relay.use(user="mail", password=Secret("hunter2"))
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        relay.send()
    assert refused.value.smtp_code == 451
    assert b"hunter2" not in refused.value.smtp_error


def test_a_new_mail_server_is_used_at_once_and_none_is_said(relay: Relay, operators: MailServer):
    relay.use(sender="post@provider.example")
    relay.send()
    assert operators.mails[0]["From"] == "Ann <post@provider.example>"
    relay.file.unlink()
    with smtplib.SMTP("127.0.0.1", relay.port) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(mail_login("acme", 17), mail_password(KEY, mail_login("acme", 17)).reveal())


def test_a_mail_server_that_hangs_for_one_instance_does_not_stop_the_others(
    relay: Relay, operators: MailServer
):
    rivals_mail_came = asyncio.Event()

    async def hang(_server: object, _session: object, envelope: Envelope) -> str:
        if b"acme" in envelope.content:
            await rivals_mail_came.wait()
        rivals_mail_came.set()
        return "250 OK"

    operators.handle_DATA = hang
    login = mail_login("acme", 17)
    waiting = []
    for number in range(4):
        client = smtplib.SMTP("127.0.0.1", relay.port, timeout=60)
        client.login(login, mail_password(KEY, login).reveal())
        waiting.append(client)
        client.putcmd("mail", "FROM:<ann@acme.example>")
        if number > 1:
            continue  # two of them have a turn
        assert client.getreply()[0] == 250
        client.rcpt("bob@shop.example")
        client.putcmd("data")
        client.getreply()
        client.send(MAIL + b".\r\n")
    with relay.connected("rival", 18) as rival:
        rival.sendmail("eve@rival.example", ["bob@shop.example"], MAIL.replace(b"acme", b"rival"))
    assert [client.getreply()[0] for client in waiting] == [250] * 4
    for client in waiting:
        client.close()


def test_a_mail_that_is_too_large_is_refused_before_it_is_read(relay: Relay):
    with relay.connected() as client:
        client.ehlo()
        answer, _text = client.mail("ann@acme.example", [f"SIZE={100 * 2**20}"])
    assert answer == 552


def test_visitors_who_only_connect_are_counted_and_forgotten(relay: Relay):
    idle = [socket.create_connection(("127.0.0.1", relay.port)) for _ in range(150)]
    greetings = [connection.recv(100)[:3] for connection in idle]
    assert greetings.count(b"421") >= 50
    for connection in idle:
        connection.close()
    wait_until(lambda: _greets(relay.port))
    relay.send()


def test_a_mail_of_empty_lines_is_no_burden_and_the_next_one_is_sent(relay: Relay, operators: MailServer):
    with relay.connected() as client:
        client.mail("ann@acme.example")
        client.rcpt("bob@shop.example")
        client.putcmd("data")
        client.getreply()
        for _ in range(10):
            client.send(b"\r\n" * 2**20)
        client.send(b".\r\n")
        assert client.getreply()[0] == 552
        client.sendmail("ann@acme.example", ["bob@shop.example"], MAIL)
    assert len(operators.mails) == 1


@pytest.mark.parametrize("recipient", ["bücher@shop.example", "(" * 400 + "bob@shop.example"])
def test_an_address_that_cannot_be_sent_to_is_refused_and_the_next_mail_is_sent(
    relay: Relay, operators: MailServer, recipient: str
):
    with relay.connected() as client:
        client.mail("ann@acme.example")
        client.command_encoding = "utf-8"
        client.putcmd(f"RCPT TO:<{recipient}>")
        assert client.getreply()[0] in (451, 500, 501, 553)
        client.rset()
        client.sendmail("ann@acme.example", ["bob@shop.example"], MAIL)
    assert len(operators.mails) == 1


def test_a_program_of_another_user_at_the_port_is_not_taken_for_the_relay(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server((program.HOST, 0)) as stranger:
        port = stranger.getsockname()[1]
        monkeypatch.setattr(program.os, "geteuid", lambda: 4711)
        assert not program.is_listening(port)


@pytest.fixture
def roots(tmp_path: Path, operators: MailServer) -> Iterator[Relay]:
    """The relay as root's keeper starts it: a user of its own, in a view of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can start it as another user")
    server = SimpleNamespace(home=tmp_path)
    made = Relay(program.file_of(server).parent, operators.port)
    with socket.create_server((program.HOST, made.port)) as listener:
        end = listener.fileno()
        command = [*program.command(server), str(end)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, pass_fds=[end])
    wait_until(lambda: program.is_listening(made.port))
    yield made
    process.kill()
    process.wait(30)


@contextmanager
def acting_as(user: int) -> Iterator[None]:
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)


def test_where_root_starts_it_a_login_works_only_in_its_own_instances_process(
    roots: Relay, operators: MailServer
):
    with acting_as(identity.tenant_user(17)):
        roots.send("acme", 17)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            asking.counted("127.0.0.1", roots.port, KEY, timeout_s=60)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            roots.send("rival", 18)
    assert [mail["X-Tenantry-Instance"] for mail in operators.mails] == ["acme"]
    assert [row.oid for row in asking.counted("127.0.0.1", roots.port, KEY, timeout_s=60)] == [17]


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::ffff:127.0.0.1")]
)
def test_where_root_starts_it_a_tenant_has_four_connections_of_whatever_kind(
    roots: Relay, family: int, address: str
):
    with ExitStack() as opened:
        greetings = []
        for _ in range(5):
            with acting_as(identity.tenant_user(17)):
                client = opened.enter_context(socket.socket(family))
                client.connect((address, roots.port))
            greetings.append(client.recv(100)[:3])
        assert greetings == [b"220"] * 4 + [b"421"]


def _greets(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        return connection.recv(100).startswith(b"220")
