"""An instance's Odoo sends mail by the operator's mail server, and never gets to know its login."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.smtp import Envelope
from tests.support.mail_server import MailServer
from tests.support.odoo_client import OdooClient, OdooError, WebClient
from tests.support.tenants import log_in
from tests.support.waiting import wait_until

from tenantry.engine import Engine
from tenantry.model.instance import Creation
from tenantry.model.mail import Security, Smarthost


@pytest.fixture(scope="module")
def acme(engine: Engine) -> Iterator[Creation]:
    yield engine.instances.provision(
        engine.instances.spec(name="acme", email="admin@acme.example", template="tiny")
    )
    engine.instances.terminate("acme")


@pytest.fixture(scope="module")
def operators(engine: Engine, acme: Creation) -> Iterator[MailServer]:
    """The operator's mail server, set while the tenant server runs and acme is asleep."""
    server = MailServer()
    server.start()
    engine.runtime.end("acme")
    engine.mail.set(Smarthost("127.0.0.1", server.port, "mail@provider.example", Security.NONE))
    yield server
    engine.mail.unset()
    server.stop()


@pytest.fixture(scope="module")
def admin(engine: Engine, acme: Creation, operators: MailServer) -> OdooClient:
    return OdooClient(engine, acme)


def send(admin: WebClient, author: str = "Ann Acme <ann@acme.example>", **values: object) -> dict:
    values = {"subject": "Your offer", "body_html": "<p>Hello</p>", "email_to": "bob@shop.example"} | values
    (mail,) = admin.call("mail.mail", "create", [{**values, "email_from": author, "auto_delete": False}])
    admin.call("mail.mail", "send", [mail])
    return seen(admin, mail)


def seen(admin: WebClient, mail: int) -> dict:
    return admin.call("mail.mail", "read", [mail], ["state", "failure_reason", "scheduled_date"])[0]


def due_now(engine: Engine, mail: int) -> None:
    """As if the time had come at which the mail is sent again; Odoo's queue does not run otherwise."""
    with engine.context.cluster.connect("acme") as inside:
        inside.execute("UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' + interval '1 day'")
        inside.execute("UPDATE mail_mail SET scheduled_date = now() AT TIME ZONE 'UTC' WHERE id = %s", [mail])
        inside.execute("UPDATE ir_cron_trigger SET call_at = now() AT TIME ZONE 'UTC'")


@contextmanager
def limited(engine: Engine, per_hour: int) -> Iterator[None]:
    """Another limit of recipients in an hour; what was sent before counts."""
    usual = engine.mail.get()
    assert usual
    engine.mail.set(replace(usual, per_hour=per_hour))
    try:
        yield
    finally:
        engine.mail.set(usual)


def test_it_can_send_without_any_setting_of_its_own(admin: OdooClient, operators: MailServer):
    assert send(admin)["state"] == "sent"
    mail = operators.wait_for("Your offer")
    assert mail["From"] == "Ann Acme <mail@provider.example>"
    assert mail["Reply-To"] == "Ann Acme <ann@acme.example>"
    assert mail["X-Tenantry-Instance"] == "acme"


def test_a_mail_over_the_hourly_limit_goes_to_those_who_did_not_get_it_when_there_is_room_again(
    engine: Engine, admin: OdooClient, operators: MailServer
):
    to = [{"name": name, "email": f"{name}@many.example"} for name in ("one", "two", "three")]
    partners = admin.call("res.partner", "create", to)
    (before,) = engine.mail.traffic(["acme"])
    with limited(engine, before.sent + 2):
        waiting = send(admin, subject="To many", email_to=False, recipient_ids=[[6, 0, partners]])
    assert waiting["state"] == "outgoing"
    assert "recipients an hour" in waiting["failure_reason"]
    due_now(engine, waiting["id"])
    engine.runtime.end("acme")
    wait_until(lambda: seen(admin, waiting["id"])["state"] == "sent")
    got = [mail["To"].addresses[0].addr_spec for mail in operators.mails if mail["Subject"] == "To many"]
    assert sorted(got) == sorted(partner["email"] for partner in to)


def test_a_mail_that_was_refused_for_a_while_waits_and_says_why(admin: OdooClient, operators: MailServer):
    operators.stop()
    try:
        told = send(admin)
    finally:
        operators.start()
    assert told["state"] == "outgoing"
    assert "cannot be reached" in told["failure_reason"]
    waits = datetime.fromisoformat(told["scheduled_date"]).replace(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(0) < waits < timedelta(minutes=15)
    admin.call("mail.mail", "cancel", [told["id"]])


def test_a_sleeping_instance_is_woken_to_send_it_again(
    engine: Engine, admin: OdooClient, operators: MailServer
):
    operators.stop()
    try:
        waiting = send(admin, subject="Sent in my sleep")["id"]
    finally:
        operators.start()
    due_now(engine, waiting)
    engine.runtime.end("acme")
    operators.wait_for("Sent in my sleep")
    wait_until(lambda: seen(admin, waiting)["state"] == "sent")


def test_a_mail_that_was_refused_for_two_days_has_failed(admin: OdooClient, operators: MailServer):
    since = (datetime.now(UTC) - timedelta(days=2, minutes=1)).replace(tzinfo=None).isoformat()
    operators.stop()
    try:
        told = send(admin, headers=repr({"X-Tenantry-Retry": {"since": since}}))
    finally:
        operators.start()
    assert told["state"] == "exception"
    assert "cannot be reached" in told["failure_reason"]


def test_a_mail_that_is_refused_for_good_has_failed_says_why_and_is_counted(
    engine: Engine, admin: OdooClient, operators: MailServer
):
    taking = operators.handle_DATA

    async def refuse(_server: object, _session: object, _envelope: object) -> str:
        return "554 5.7.1 This looks like spam"

    operators.handle_DATA = refuse
    try:
        told = send(admin)
    finally:
        operators.handle_DATA = taking
    assert told["state"] == "exception"
    assert "looks like spam" in told["failure_reason"]
    (counted,) = engine.mail.traffic()
    assert (counted.name, counted.refused) == ("acme", 1)
    assert counted.last_refusal == "554 5.7.1 This looks like spam"
    assert counted.sent > 0


def test_a_mail_that_was_refused_for_good_goes_only_to_the_others_when_it_is_sent_again(
    admin: OdooClient, operators: MailServer
):
    to = [{"name": name, "email": f"{name}@again.example"} for name in ("one", "two", "three")]
    partners = admin.call("res.partner", "create", to)
    taking = operators.handle_DATA

    async def refuse(server: object, session: object, envelope: Envelope) -> str:
        is_refused = envelope.rcpt_tos != ["one@again.example"]
        return "554 5.7.1 Not now" if is_refused else await taking(server, session, envelope)

    operators.handle_DATA = refuse
    try:
        mail = send(admin, subject="Once each", email_to=False, recipient_ids=[[6, 0, partners]])
    finally:
        operators.handle_DATA = taking
    assert mail["state"] == "exception"
    admin.call("mail.mail", "action_retry", [mail["id"]])
    admin.call("mail.mail", "send", [mail["id"]])
    assert seen(admin, mail["id"])["state"] == "sent"
    got = [sent["To"].addresses[0].addr_spec for sent in operators.mails if sent["Subject"] == "Once each"]
    assert sorted(got) == sorted(partner["email"] for partner in to)


def test_of_one_email_those_who_were_refused_for_a_while_get_it_later_and_the_others_once(
    engine: Engine, admin: OdooClient, operators: MailServer
):
    answers = {"full@part.example": "450 4.2.2 Mailbox full", "gone@part.example": "550 5.1.1 No such user"}

    async def refuse(
        _server: object, _session: object, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if answer := answers.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def got() -> list[list[str]]:
        return [
            envelope.rcpt_tos
            for mail, envelope in zip(operators.mails, operators.envelopes, strict=True)
            if mail["Subject"] == "In copy"
        ]

    (before,) = engine.mail.traffic(["acme"])
    operators.handle_RCPT = refuse
    try:
        to = "ann@part.example, full@part.example"
        waiting = send(admin, subject="In copy", email_to=to, email_cc="gone@part.example")
        assert waiting["state"] == "outgoing"
        assert "Mailbox full" in waiting["failure_reason"]
        assert got() == [["ann@part.example"]]
        del answers["full@part.example"]
        due_now(engine, waiting["id"])
        engine.runtime.end("acme")
        wait_until(lambda: seen(admin, waiting["id"])["state"] == "exception")
        assert got() == [["ann@part.example"], ["full@part.example"]]
        assert "No such user" in seen(admin, waiting["id"])["failure_reason"]
        (after,) = engine.mail.traffic(["acme"])
        assert after.refused == before.refused + 2
        answers.clear()
        admin.call("mail.mail", "action_retry", [waiting["id"]])
        admin.call("mail.mail", "send", [waiting["id"]])
    finally:
        del operators.handle_RCPT
    assert seen(admin, waiting["id"])["state"] == "sent"
    assert got()[2:] == [["gone@part.example"]]


def test_its_administrators_cannot_read_the_operators_login(admin: OdooClient):
    with pytest.raises(OdooError):
        admin.call("ir.config_parameter", "get_param", "smtp_password", raise_if_missing=True)
    assert admin.call("ir.mail_server", "search_count", []) == 0


def test_a_mail_server_of_its_own_is_used_instead(admin: OdooClient, operators: MailServer):
    own = MailServer()
    own.start()
    values = {"name": "Ours", "smtp_host": "127.0.0.1", "smtp_port": own.port}
    record = admin.call("ir.mail_server", "create", [values])
    try:
        assert send(admin)["state"] == "sent"
        assert own.wait_for("Your offer")["From"] == "Ann Acme <ann@acme.example>"
    finally:
        admin.call("ir.mail_server", "unlink", record)
        own.stop()


def test_a_copy_sends_no_mail_even_if_its_administrator_wants_to(
    engine: Engine, acme: Creation, operators: MailServer
):
    engine.instances.duplicate("acme", "acme-test")
    try:
        admin = log_in(engine, acme, "acme-test")
        admin.call("ir.mail_server", "unlink", admin.call("ir.mail_server", "search", []))
        assert send(admin, subject="From a copy")["state"] == "exception"
        assert [mail for mail in operators.mails if mail["Subject"] == "From a copy"] == []
    finally:
        engine.instances.terminate("acme-test")
