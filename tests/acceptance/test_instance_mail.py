"""An instance's Odoo sends mail by the operator's mail server, and never gets to know its login."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.mail_server import MailServer
from tests.support.odoo_client import OdooClient, OdooError

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


def send(admin: OdooClient, author: str = "Ann Acme <ann@acme.example>") -> dict:
    values = {"subject": "Your offer", "body_html": "<p>Hello</p>", "email_to": "bob@shop.example"}
    (mail,) = admin.call("mail.mail", "create", [{**values, "email_from": author, "auto_delete": False}])
    admin.call("mail.mail", "send", [mail])
    return admin.call("mail.mail", "read", [mail], ["state", "failure_reason"])[0]


def test_it_can_send_without_any_setting_of_its_own(admin: OdooClient, operators: MailServer):
    assert send(admin)["state"] == "sent"
    mail = operators.wait_for("Your offer")
    assert mail["From"] == "Ann Acme <mail@provider.example>"
    assert mail["Reply-To"] == "Ann Acme <ann@acme.example>"
    assert mail["X-Tenantry-Instance"] == "acme"


def test_it_is_told_why_a_mail_was_not_sent(admin: OdooClient, operators: MailServer):
    operators.stop()
    try:
        told = send(admin)
    finally:
        operators.start()
    assert told["state"] == "exception"
    assert "cannot be reached" in told["failure_reason"]


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
