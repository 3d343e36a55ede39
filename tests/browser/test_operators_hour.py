"""The first hour of an operator: from an empty back office to the end of their first customer, by clicks.

What is asked without the browser is only whether something has arrived: mails, and the state of an instance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.back_office import BackOffice
from tests.support.mail_server import MailServer, text_of
from tests.support.master import UnusedMaster
from tests.support.odoo_client import WebClient
from tests.support.screen import SIZES, Person, Screen
from tests.support.waiting import wait_until
from tests.support.walk import Walk

from tenantry.model.names import MASTER_DATABASE

_LINK = re.compile(r"https?://\S+/saas/\S+")
_STATE = ".o_statusbar_status .o_arrow_button_current"
_HOME = ".o_web_client .o_main_navbar"
_PASSWORD = "four words are enough"
_PATIENCE_MS = 180_000


@dataclass
class Hour:
    """An operator and their customer, each in a browser of their own, and the mail server between them."""

    office: BackOffice
    mails: MailServer
    walk: Walk
    operator: Screen
    customer: Page
    name: str
    read: list[EmailMessage] = field(default_factory=list)

    @property
    def page(self) -> Page:
        return self.operator.page

    @property
    def owner(self) -> str:
        """The address of the customer's administrator."""
        return f"{self.name}@customer.example"

    def done(self, part: str) -> None:
        """A part of the hour is over: nothing of it may have been broken."""
        self.operator.picture(f"{self.name}-{part}")
        self.walk.check()

    def log_in(self, person: Person) -> None:
        self.page.goto("/")
        self.page.fill("#login", person.login)
        self.page.fill("#password", person.password)
        self.page.get_by_role("button", name="Log in", exact=True).click()
        self.operator.wait_for(".o_saas_dashboard")

    def mail_to(self, address: str, subject: str) -> str:
        """Wait for a mail that was not read yet; its text."""

        def unread() -> list[EmailMessage]:
            known = [id(mail) for mail in self.read]
            return [
                mail
                for mail in list(self.mails.mails)
                if id(mail) not in known and address in mail["to"] and subject in mail["subject"]
            ]

        wait_until(unread, f"no mail {subject!r} to {address}")
        self.read.append(unread()[0])
        return text_of(self.read[-1])

    def choose(self, field_name: str, typed: str, entry: str | re.Pattern[str]) -> None:
        """Type into a field that searches, and choose what it offers."""
        self.page.locator(f".o_form_view:visible [name={field_name}] input").last.fill(typed)
        self.page.locator(".o-autocomplete--dropdown-item").filter(has_text=entry).first.click()

    def menu(self, section: str, entry: str) -> None:
        self.page.locator(".o_menu_sections").get_by_text(section, exact=True).click()
        self.page.locator(".dropdown-item").get_by_text(entry, exact=True).click()

    def dashboard(self) -> None:
        self.page.locator(".o_menu_sections").get_by_text("Dashboard", exact=True).click()
        self.operator.wait_for(".o_saas_dashboard")

    def step(self, label: str) -> Locator:
        return self.page.locator(".o_saas_first_steps li").filter(has_text=label)

    def expect_state(self, state: str) -> None:
        expect(self.page.locator(_STATE)).to_have_text(state, timeout=_PATIENCE_MS)


@pytest.fixture(scope="module")
def mails(new_office: BackOffice, unused_master: UnusedMaster) -> Iterator[MailServer]:
    """Afterwards the master is unused again, and the engine knows no mail server."""
    server = MailServer()
    server.start()
    yield server
    server.stop()
    unused_master.put_back()
    new_office.engine.mail.unset()


@pytest.fixture
def first_administrator(new_office: BackOffice) -> tuple[Person, BackOffice]:
    """With the password that `tenantry up` prints; and a look at the facts by the same login."""
    master = new_office.engine.master
    password = master.reset_admin_password()
    client = WebClient(master.runtime.route, MASTER_DATABASE, master.admin_login(), password)
    return Person(master.admin_login(), password.reveal()), BackOffice(new_office.engine, client)


@pytest.fixture
def hour(
    browser: Browser,
    first_administrator: tuple[Person, BackOffice],
    mails: MailServer,
    pictures: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Hour]:
    """At a screen of that size, with a customer of that name."""
    size, name = request.param
    _person, office = first_administrator
    url = office.engine.master.url
    walk, operator = Walk(url, "operator"), Screen(browser, size, url, pictures)
    mailbox = browser.new_context(**SIZES[size])
    for context in (operator.page.context, mailbox):
        walk.watch(context)
    yield Hour(office, mails, walk, operator, mailbox.new_page(), name)
    operator.page.context.close()
    mailbox.close()
    office.terminate(*office.call("saas.instance", "search", [["state", "!=", "terminated"]]))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("hour", [("desktop", "bakery")], indirect=True)
def test_from_an_empty_back_office_to_the_end_of_the_first_customer(
    hour: Hour, first_administrator: tuple[Person, BackOffice]
) -> None:
    hour.log_in(first_administrator[0])
    expect(hour.page.locator(".o_saas_first_steps [aria-label=Done]")).to_have_count(1)
    hour.done("new")
    _set_the_mail_server(hour)
    _look_at_the_domain(hour)
    _build_a_template(hour)
    _price_a_plan(hour)
    _sell(hour)
    _open(hour)
    _let_the_customer_in(hour)
    _suspend_and_reactivate(hour)
    _change_the_plan(hour)
    hour.walk.follow_links()
    _terminate(hour)
    hour.walk.end()


@pytest.mark.parametrize("hour", [("phone", "cafe")], indirect=True)
def test_support_from_a_phone(hour: Hour, first_administrator: tuple[Person, BackOffice]) -> None:
    hour.mails.use_in(hour.office)
    hour.office.template("tiny", "web")
    hour.office.create("cafe")
    hour.log_in(first_administrator[0])
    hour.page.locator(".o_saas_total").filter(has_text="Active instances").click()
    hour.page.locator(".o_kanban_record").filter(has_text="Cafe").click()
    hour.expect_state("Active")
    _let_the_customer_in(hour)
    _suspend_and_reactivate(hour)
    hour.walk.end()


# ------------------------------------------------------------ set up


def _set_the_mail_server(it: Hour) -> None:
    it.step("Set an outgoing mail server").get_by_role("button").click()
    field_of = '[name="saas_{}"] input'.format
    it.operator.wait_for(field_of("mail_host"))
    it.page.click(field_of("mail_encryption"))
    it.page.locator(".o_select_menu_item").get_by_text("None, usually port 25").click()
    typed = {
        "provider_name": "Acme Cloud",
        "provider_email": "hello@acme.example",
        "mail_host": "127.0.0.1",
        "mail_port": str(it.mails.port),
        "mail_test_to": "olivia@acme.example",
    }
    for name, value in typed.items():
        it.page.fill(field_of(name), value)
    it.operator.press("Save and Send a Test")
    expect(it.page.locator(".o_notification")).to_contain_text("olivia@acme.example")
    assert "this one has arrived" in it.mail_to("olivia@acme.example", "")
    it.dashboard()
    expect(it.step("Set an outgoing mail server").get_by_role("img", name="Done")).to_be_visible()
    it.done("mail")


def _look_at_the_domain(it: Hour) -> None:
    """They read what a domain asks of them, and stay on this machine."""
    it.step("Choose the base domain").get_by_role("button").click()
    it.page.fill('[name="saas_base_domain"] input', "cloud.acme.example")
    it.page.keyboard.press("Tab")
    expect(it.page.locator(".alert").filter(has_text="tenantry up")).to_be_visible()
    it.done("domain")
    it.operator.press("Discard")
    it.dashboard()


def _build_a_template(it: Hour) -> None:
    it.step("Build a template").get_by_role("button").click()
    it.operator.wait_for(".o_kanban_renderer")
    it.operator.press("New")
    it.page.fill("[name=name] textarea, [name=name] input", "Tiny")
    it.page.fill("[name=pool_size] input", "0")
    expect(it.page.locator("[name=code] input")).to_have_value("tiny")
    _choose_modules(it)
    it.operator.press("Build")
    it.expect_state("Ready")
    it.done("template")
    it.dashboard()
    expect(it.step("Build a template").get_by_role("img", name="Done")).to_be_visible()


def _choose_modules(it: Hour) -> None:
    """By their names for people; all but the web client is taken out again."""
    it.operator.press("Choose by Name")
    tags = it.page.locator(".modal [name=module_ids] .o_tag")
    expect(tags.filter(has_text="Contacts (contacts)")).to_be_visible()
    it.choose("module_ids", "Calend", "Calendar (calendar)")
    expect(tags.filter(has_text="Calendar (calendar)")).to_be_visible()
    it.operator.picture(f"{it.name}-modules")
    others = tags.filter(has_not_text=re.compile(r"\(web\)"))
    while count := others.count():
        others.first.locator(".o_delete").click()
        expect(others).to_have_count(count - 1)
    it.operator.press("Use These")
    expect(it.page.locator("[name=modules] textarea")).to_have_value("web")


def _price_a_plan(it: Hour) -> None:
    it.menu("Configuration", "Plans")
    it.page.locator(".o_data_row").filter(has_text="Starter").locator("[name=name]").click()
    it.page.fill("[name=price_monthly] input", "21")
    it.page.locator(".o_form_button_save").click()
    expect(it.page.locator(".o_form_status_indicator_buttons.invisible, .o_form_saved")).not_to_have_count(0)
    expect(it.page.locator("[name=price_monthly] input")).to_have_value(re.compile("21"))
    it.done("plan")


# ------------------------------------------------------------ sell


def _sell(it: Hour) -> None:
    it.dashboard()
    it.step("Create your first instance").get_by_role("button").click()
    it.choose("partner_id", "Bakery", re.compile("Create .?Bakery"))
    it.page.fill(".modal [name=admin_email] input", it.owner)
    it.page.fill(".modal [name=admin_name] input", "Ada Baker")
    it.choose("plan_id", "Starter", "Starter")
    expect(it.page.locator(".modal [name=subdomain] input")).to_have_value(it.name)
    it.operator.picture(f"{it.name}-create")
    it.operator.press("Create")
    it.expect_state("Active")
    it.done("sold")


def _open(it: Hour) -> None:
    """The button opens the instance's login page; the customer gets there by the link of their mail."""
    with it.page.expect_popup() as opened:
        it.operator.press("Open")
    expect(opened.value.locator("input[name=login]")).to_be_visible()
    opened.value.close()
    _follow(it, it.mail_to(it.owner, "is ready"))
    it.customer.fill("#saas_password", _PASSWORD)
    it.customer.fill("#saas_password_again", _PASSWORD)
    it.customer.locator("#saas_password_form button[type=submit]").click()
    expect(it.customer.locator(_HOME)).to_be_visible(timeout=_PATIENCE_MS)
    it.done("opened")


# ------------------------------------------------------------ support


def _let_the_customer_in(it: Hour) -> None:
    for choice, subject in (
        ("Mail a login link", "your login link"),
        ("Reset the password, and mail a link", "choose a new password"),
        ("Send the welcome mail again", "is ready"),
    ):
        it.operator.press("Let the Customer In")
        it.page.get_by_label(choice).check()
        it.operator.press("Confirm")
        expect(it.page.locator(".o_notification").filter(has_text=it.owner).first).to_be_visible()
        expect(it.page.locator(".modal")).to_have_count(0)
        it.customer.context.clear_cookies()
        _follow(it, it.mail_to(it.owner, subject))
        expect(it.customer.locator(f"#saas_password, {_HOME}").first).to_be_visible(timeout=_PATIENCE_MS)
    it.done("let-in")


def _follow(it: Hour, mail: str) -> None:
    """Open the link of a mail, and press the button that uses it."""
    found = _LINK.search(mail)
    assert found, mail
    it.customer.goto(found[0])
    it.customer.locator("form[action*='/saas/login'] button").click()


def _suspend_and_reactivate(it: Hour) -> None:
    it.operator.press("Suspend")
    it.page.fill(".modal [name=reason] input", "The invoice of May is unpaid.")
    with it.walk.expecting(503, f"//{it.name}."):
        it.operator.press("Suspend")
        it.expect_state("Suspended")
        assert "The invoice of May is unpaid." in it.mail_to(it.owner, "is suspended")
        it.customer.reload()
        expect(it.customer.get_by_role("heading", name="This Odoo is suspended")).to_be_visible()
        it.done("suspended")
    it.operator.press("Reactivate")
    it.expect_state("Active")
    it.mail_to(it.owner, "works again")
    it.customer.reload()
    expect(it.customer.locator(f"{_HOME}, input[name=login]:visible, #saas_password").first).to_be_visible()
    it.done("reactivated")


def _change_the_plan(it: Hour) -> None:
    it.operator.press("Change Plan")
    it.choose("plan_id", "Professional", "Professional")
    expect(it.page.locator(".modal .o_saas_compare")).to_contain_text("Professional")
    it.operator.picture(f"{it.name}-change-plan")
    it.operator.press("Change Plan")
    expect(it.page.locator(".o_form_sheet [name=plan_id]")).to_contain_text("Professional")
    it.done("plan-changed")


# ------------------------------------------------------------ the end


def _terminate(it: Hour) -> None:
    it.operator.press("Terminate")
    it.page.fill(".modal [name=typed_name] input", it.name)
    # Their page would go on asking.
    it.customer.goto("about:blank")
    it.operator.press("Terminate for Good")
    it.expect_state("Terminated")
    it.mail_to(it.owner, "was deleted")
    it.dashboard()
    expect(it.page.locator(".o_saas_total").filter(has_text="Active instances")).to_contain_text("0")
    expect(it.step("Create your first instance").get_by_role("img", name="Done")).to_be_visible()
    it.page.locator(".o_saas_first_steps").get_by_role("button", name="Hide").click()
    expect(it.page.locator(".o_saas_first_steps")).to_have_count(0)
    it.done("terminated")
