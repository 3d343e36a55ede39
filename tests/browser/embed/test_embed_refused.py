"""The errors that a visitor of another web site sees, and the requests of the page then."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Request, expect
from tests.support.back_office import BackOffice
from tests.support.embedding import (
    EXAMPLES,
    confirm,
    count_of_requests,
    expect_active,
    made_ours,
    page_with_element,
    sign_up,
    sql,
)
from tests.support.mail_server import MailServer
from tests.support.screen import Screen
from tests.support.web_site import WebSite


def test_a_web_site_that_is_not_listed_gets_an_error(
    office: BackOffice, site: WebSite, key: str, page: Page
) -> None:
    sql(office, "UPDATE saas_api_key_publishable SET origins = 'https://elsewhere.example'")
    page.goto(site.publish("/element", page_with_element(office, key, plan="starter")))
    expect(page.get_by_text("This web site may not sign up here.")).to_be_visible()
    assert page.evaluate("document.querySelector('tenantry-signup').form.inert")


def test_a_taken_name_is_reported_at_its_field_with_a_suggestion_to_press(
    office: BackOffice, site: WebSite, key: str, screen: Screen
) -> None:
    page, taken = screen.page, f"taken-{screen.size}"
    office.instance(taken)
    page.goto(site.publish("/element", page_with_element(office, key)))
    page.get_by_label("Company").fill(f"Taken {screen.size}")
    page.get_by_label("Your name").fill("Ann Acme")
    page.get_by_label("Email").fill("ann@taken.example")
    name = page.get_by_label("Name in its address")
    expect(name).to_have_accessible_description(re.compile(f"The subdomain {taken} is taken"))
    expect(name).to_have_attribute("aria-invalid", "true")
    screen.picture("embed-taken")
    page.get_by_role("button", name=f"{taken}-2").click()
    expect(name).to_have_value(f"{taken}-2")
    expect(page.get_by_text(f"{taken}-2 is free.")).to_be_visible()


def test_an_error_of_the_api_is_shown_at_its_field(
    office: BackOffice, site: WebSite, key: str, page: Page
) -> None:
    page.goto(site.publish("/element", page_with_element(office, key, plan="starter")))
    email = page.get_by_label("Email")
    for refused, told in (
        ("ann@mailinator.com", "throw-away mailbox"),
        ("ann,bob@acme.example", "email address such as"),
    ):
        page.get_by_label("Company").fill("Refused Ltd")
        page.get_by_label("Your name").fill("Ann Acme")
        email.evaluate("(input, value) => { input.type = 'text'; input.value = value; }", refused)
        page.get_by_label("Name in its address").fill("refused-ltd")
        page.get_by_role("button", name="Create my Odoo").click()
        expect(email).to_have_accessible_description(re.compile(told))
        expect(email).to_be_focused()
    assert count_of_requests(office, "Refused Ltd") == 0


def test_pressing_twice_requests_one_instance(
    office: BackOffice, site: WebSite, key: str, page: Page
) -> None:
    for path, text in (
        ("/", made_ours((EXAMPLES / "signup.html").read_text(), office, key)),
        ("/element", page_with_element(office, key, plan="starter")),
    ):
        page.goto(site.publish(path, text))
        company = f"Twice {path.strip('/') or 'page'}"
        page.locator("#companyName, [name=company]").fill(company)
        page.locator("[type=email]").fill("ann@twice.example")
        page.get_by_role("button").dblclick()
        expect(page.locator("form")).to_be_hidden()
        assert count_of_requests(office, company) == 1


def test_a_lost_connection_loses_no_input(office: BackOffice, site: WebSite, key: str, page: Page) -> None:
    page.goto(site.publish("/element", page_with_element(office, key, plan="starter", lang="fr")))
    page.get_by_label("Société").fill("Lost <b>Line</b>")
    page.get_by_label("E-mail").fill("ann@lost.example")
    expect(page.get_by_text("lost-b-line-b est libre.")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("button", name="Créer mon Odoo").click()
    expect(page.get_by_text("Le service est injoignable.")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Créer mon Odoo").click()
    expect(page.get_by_text("ann@lost.example")).to_be_visible()
    assert count_of_requests(office, "Lost <b>Line</b>") == 1


def test_a_visitor_above_the_limit_is_told_when_to_try_again(
    office: BackOffice, site: WebSite, key: str, page: Page
) -> None:
    office.call("ir.config_parameter", "set_param", "saas_api.requests_per_hour", "1")
    try:
        page.goto(site.publish("/element", page_with_element(office, key, plan="starter")))
        page.get_by_label("Company").fill("Too Often")
        page.get_by_label("Your name").fill("Ann Acme")
        page.get_by_label("Email").fill("ann@often.example")
        page.get_by_role("button", name="Create my Odoo").click()
        told = page.get_by_text(re.compile(r"Too many attempts. Please try again in \d+ minutes?\."))
        expect(told).to_be_visible()
        expect(page.get_by_label("Company")).to_have_value("Too Often")
    finally:
        # A request that began before could put the former limit back into Odoo's cache.
        page.goto("about:blank")
        office.call("ir.config_parameter", "set_param", "saas_api.requests_per_hour", "100")


def test_a_hidden_page_sends_no_requests_and_sends_one_at_once_when_shown(
    office: BackOffice, site: WebSite, key: str, mails: MailServer, page: Page
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: _note(asked, request))
    page.clock.install()
    page.goto(site.publish("/element", page_with_element(office, key, plan="starter")))
    sign_up(page, "Hidden Ltd", "ann@hidden.example")
    expect(page.get_by_text("Look into your mailbox")).to_be_visible()
    _show(page, False)
    before = len(asked)
    page.clock.run_for(3_600_000)
    assert len(asked) == before
    confirm(page, mails, "ann@hidden.example")
    expect_active(office, "hidden-ltd")
    _show(page, True)
    expect(page.get_by_role("link", name="hidden-ltd")).to_be_visible()


def _note(noted: list[str], request: Request) -> None:
    if "/request_status/" in request.url:
        noted.append(request.url)


def _show(page: Page, is_shown: bool) -> None:
    """Hide or show the page, as when the visitor changes to another tab or comes back."""
    page.evaluate(
        """hidden => { Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange")); }""",
        not is_shown,
    )


def test_a_page_that_waits_for_the_link_asks_less_and_less_often(
    office: BackOffice, site: WebSite, key: str, page: Page
) -> None:
    asked: list[str] = []
    answered: list[str] = []
    page.on("request", lambda request: _note(asked, request))
    page.on(
        "requestfinished", lambda request: "/request_status/" in request.url and answered.append(request.url)
    )
    page.clock.install()
    page.goto(site.publish("/element", page_with_element(office, key, plan="starter")))
    sign_up(page, "Waiting Ltd", "ann@waiting.example")
    expect(page.get_by_text("Look into your mailbox")).to_be_visible()
    for _ten_seconds in range(180):
        page.clock.run_for(10_000)
        while len(answered) < len(asked):
            page.wait_for_timeout(10)
    assert 20 < len(asked) < 40


def test_a_visitor_with_an_expired_link_can_sign_up_again(
    office: BackOffice, site: WebSite, key: str, page: Page
) -> None:
    page.goto(site.publish("/element", page_with_element(office, key, plan="starter")))
    sign_up(page, "Too Late", "ann@late.example")
    expect(page.get_by_text("Look into your mailbox")).to_be_visible()
    office.call(
        "saas.instance.request", "unlink", [office.find("saas.instance.request", company_name="Too Late")]
    )
    expect(page.get_by_text("The link was not followed in time.")).to_be_visible()
    expect(page.get_by_label("Company")).to_have_value("Too Late")
    sign_up(page, "Too Late", "ann@late.example")
    expect(page.get_by_text("Look into your mailbox")).to_be_visible()
    assert count_of_requests(office, "Too Late") == 1
