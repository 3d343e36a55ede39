"""An operator sets the mail server and sees a test arrive; a visitor reads what became of their mail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.conftest import OpenScreen
from tests.support.back_office import BackOffice
from tests.support.mail_server import MailServer, serving, text_of
from tests.support.screen import Person, Screen
from tests.support.visitor import Visitor

_FIELD = '[name="saas_{}"] input'


@pytest.fixture
def screen(screens: OpenScreen, administrator: Person) -> Screen:
    return screens(administrator)


@pytest.fixture
def visitor(browser: Browser, office: BackOffice, pictures: Path) -> Iterator[Visitor]:
    visitor = Visitor(browser, office, MailServer(), pictures)
    yield visitor
    visitor.context.close()


def _type(screen: Screen, **values: str) -> None:
    for name, value in values.items():
        screen.page.fill(_FIELD.format(name), value)


def _send_test(screen: Screen) -> None:
    screen.page.get_by_role("button", name="Save and Send a Test").click()


def test_without_a_mail_server_the_signup_is_closed_and_the_dashboard_leads_to_the_settings(
    screen: Screen, visitor: Visitor, office: BackOffice
) -> None:
    visitor.page.goto("/signup")
    visitor.expect_heading("not taking new customers")
    screen.page.goto("/signup")
    expect(screen.page.get_by_text("No outgoing mail server is set.")).to_be_visible()
    screen.open("saas-dashboard", ".o_saas_alerts")
    screen.page.get_by_role("button", name="No outgoing mail server is set.").click()
    screen.wait_for(_FIELD.format("mail_host"))
    screen.picture("settings-without-mail")


def test_a_test_says_what_is_wrong_and_then_arrives(screen: Screen, office: BackOffice) -> None:
    server = MailServer()
    screen.open("action-saas_manager.res_config_settings_action", _FIELD.format("mail_host"))
    screen.page.click(_FIELD.format("mail_encryption"))
    screen.page.locator(".o_select_menu_item").get_by_text("None, usually port 25").click()
    _type(screen, provider_name="Acme Cloud", provider_email="hello@acme.example", mail_host="127.0.0.1")
    _type(screen, mail_port=str(server.port), mail_test_to="olivia@operator.example")
    _send_test(screen)
    expect(screen.page.locator(".modal")).to_contain_text("no mail server listens at that host and port")
    screen.picture("settings-mail-refused")
    screen.page.locator(".modal .btn-primary").click()
    assert office.call("ir.mail_server", "search", []) == []
    server.start()
    try:
        _send_test(screen)
        expect(screen.page.locator(".o_notification")).to_contain_text("olivia@operator.example")
        mail = server.wait_to("olivia@operator.example")
    finally:
        server.stop()
    assert mail["from"] == "Acme Cloud <hello@acme.example>"
    assert "this one has arrived" in text_of(mail)
    (saved,) = office.call("ir.mail_server", "search", [])
    assert office.read("ir.mail_server", saved, "smtp_port")["smtp_port"] == server.port
    office.call("ir.mail_server", "unlink", [saved])


def test_a_visitor_reads_that_the_mail_could_not_be_sent_and_then_that_it_was(
    visitor: Visitor, office: BackOffice
) -> None:
    with serving(office) as mails:
        mails.stop()
        visitor.fill("lost")
        visitor.send()
        visitor.expect_heading("could not be sent yet")
        visitor.judge("not-sent")
        mails.start()
        visitor.page.get_by_role("button", name="Send it again").click()
        visitor.expect_heading("Look into your mailbox")
        assert "lost" in text_of(mails.wait_to(visitor.email("lost")))
