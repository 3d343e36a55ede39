"""Visitors sign up on an operator's own web site: another origin, a real browser, real mails."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.support.back_office import BackOffice
from tests.support.embedding import (
    EXAMPLES,
    PATIENCE_MS,
    confirm,
    expect_accessible,
    expect_active,
    expect_open,
    made_ours,
    of_s4,
    page_in_react,
    page_with_element,
    sign_up,
    sql,
)
from tests.support.mail_server import MailServer
from tests.support.screen import Screen
from tests.support.web_site import WebSite


def test_a_visitor_of_the_html_example_ends_in_their_odoo(
    office: BackOffice, site: WebSite, key: str, mails: MailServer, page: Page
) -> None:
    page.goto(site.publish("/", made_ours((EXAMPLES / "signup.html").read_text(), office, key)))
    sign_up(page, "Café Blühen & Co", "ann@cafe.example")
    expect(page.get_by_role("status")).to_contain_text("ann@cafe.example")
    confirm(page, mails, "ann@cafe.example")
    link = page.get_by_role("link", name="cafe-bluhen-co")
    expect_open(page, link)


def test_a_visitor_of_the_react_example_ends_in_their_odoo(
    office: BackOffice, site: WebSite, key: str, mails: MailServer, page: Page, tmp_path: Path
) -> None:
    component = made_ours((EXAMPLES / "Signup.jsx").read_text(), office, key)
    page.goto(page_in_react(component, tmp_path, office, site))
    sign_up(page, "React Ltd", "ann@react.example")
    confirm(page, mails, "ann@react.example")
    expect_open(page, page.get_by_role("link", name="react-ltd"))


def test_the_element_shows_the_progress_of_the_instance(
    office: BackOffice, site: WebSite, key: str, mails: MailServer, screen: Screen
) -> None:
    page = screen.page
    keys: set[str] = set()
    page.on("request", lambda request: keys.add(request.headers.get("x-api-key", key)))
    page.goto(site.publish("/element", page_with_element(office, key)))
    page.evaluate(
        """() => { window.told = []; for (const what of ["sent", "ready", "error"])
            addEventListener(`tenantry:${what}`, (event) => window.told.push([what, event.detail])); }"""
    )
    page.get_by_label("Company").fill("Element " + screen.size)
    page.get_by_label("Your name").fill("Ann Acme")
    page.get_by_label("Email").fill("ann@element.example")
    expect(page.get_by_text(f"element-{screen.size} is free.")).to_be_visible()
    expect(page.get_by_label("Name in its address")).to_have_accessible_name(re.compile(r"\.localhost\)$"))
    expect(page.get_by_label("Plan")).to_have_value("professional")
    expect(page.get_by_label("Plan")).to_contain_text("14 days free, popular")
    page.get_by_label("Country").select_option("FR")
    screen.picture("embed-form")
    expect_accessible(page)
    page.get_by_role("button", name="Create my Odoo").click()
    expect(page.get_by_text("Look into your mailbox")).to_be_visible()
    screen.picture("embed-mailbox")
    confirm(page, mails, "ann@element.example")
    link = page.get_by_role("link", name=f"element-{screen.size}")
    expect(link).to_be_visible(timeout=PATIENCE_MS)
    screen.picture("embed-ready")
    expect_accessible(page)
    assert [what for what, _detail in page.evaluate("window.told")] == ["sent", "ready"]
    (request,) = office.call(
        "saas.instance.request",
        "search_read",
        [["subdomain", "=", f"element-{screen.size}"]],
        ["plan_id", "country_id", "admin_name", "language_id"],
    )
    assert (request["plan_id"][1], request["country_id"][1]) == ("Professional", "France")
    assert request["admin_name"] == "Ann Acme"
    assert "English" in request["language_id"][1]
    ((calls,),) = sql(office, "SELECT max(count) FROM saas_api_count WHERE bucket NOT LIKE 'signup%'")
    assert calls < 40
    assert keys == {key}
    expect_open(page, link)
    assert screen.problems == []


def test_a_visitor_signs_up_by_the_page_of_the_auto_provisioning_document(
    office: BackOffice, site: WebSite, key: str, mails: MailServer, page: Page
) -> None:
    page.goto(site.publish("/s4", of_s4("signup.html", office, key)))
    sign_up(page, "S4 & Sons", "ann@s4.example")
    expect(page.locator("#result h3")).to_be_visible()
    confirm(page, mails, "ann@s4.example")
    expect_active(office, "s4-sons")


def test_a_visitor_signs_up_by_the_component_of_the_auto_provisioning_document(
    office: BackOffice, site: WebSite, key: str, mails: MailServer, page: Page, tmp_path: Path
) -> None:
    page.goto(page_in_react(of_s4("Signup.jsx", office, key), tmp_path, office, site))
    sign_up(page, "S4 React", "ann@s4react.example")
    reference = page.get_by_text("ID: ").inner_text().removeprefix("ID: ")
    assert office.find("saas.instance.request", reference=reference)
    confirm(page, mails, "ann@s4react.example")
    expect_active(office, "s4-react")
