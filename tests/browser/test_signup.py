"""The signup page in a real Chromium, with real mails: from the first field to a new Odoo's home screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.back_office import BackOffice
from tests.support.mail_server import MailServer, serving
from tests.support.visitor import Visitor
from tests.support.waiting import wait_until

from tenantry.model.names import MASTER_DATABASE

NewVisitor = Callable[..., Visitor]


@pytest.fixture(scope="module")
def mails(office: BackOffice) -> Iterator[MailServer]:
    with serving(office) as server:
        yield server


@pytest.fixture
def visitor(browser: Browser, office: BackOffice, mails: MailServer, pictures: Path) -> Iterator[NewVisitor]:
    """Make visitors in an hour without earlier signups; their Odoos are removed afterwards."""
    made: list[Visitor] = []
    _sql(office, "DELETE FROM saas_api_count")

    def make(size: str = "desktop", **options: object) -> Visitor:
        made.append(Visitor(browser, office, mails, pictures, size, **options))
        return made[-1]

    yield make
    for one in made:
        one.context.close()
    office.terminate(*office.call("saas.instance", "search", [["state", "!=", "terminated"]]))


def _sql(office: BackOffice, statement: str) -> None:
    with office.engine.context.cluster.connect(MASTER_DATABASE) as inside:
        inside.execute(statement.encode())


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_visitor_gets_from_the_first_field_to_their_app_by_choosing_a_password(
    visitor: NewVisitor, size: str
) -> None:
    ann, name = visitor(size), f"first-{size}"
    ann.page.goto("/signup")
    ann.judge("form")
    ann.page.fill("#company_name", f"First {size}")
    expect(ann.page.locator(".free")).to_have_text(f"{name} is free.")
    assert ann.page.input_value("#subdomain") == name
    ann.page.fill("#customer_name", "Ann Acme")
    ann.page.fill("#customer_email", ann.email(name))
    ann.send()
    ann.judge("sent")
    ann.open_link(name)
    assert "token" not in ann.page.url
    ann.judge("confirm")
    ann.press()
    ann.expect_password_page(name)
    ann.judge("password", "#saas_password_form")
    ann.choose_password()
    ann.expect_home(name)
    welcome = ann.page.get_by_role("complementary", name="Welcome")
    ann.page.screenshot(path=ann.pictures / f"welcome-{size}.png")
    with ann.page.expect_response("**/saas.welcome/close"):
        welcome.get_by_role("button", name="Close").click()
    expect(welcome).to_have_count(0)
    ann.page.reload()
    ann.expect_home(name)
    expect(welcome).to_have_count(0)


def test_the_next_day_on_another_device_a_visitor_finds_their_odoo_and_logs_in(visitor: NewVisitor) -> None:
    desk, phone = visitor(), visitor("phone")
    desk.sign_up("rowan")
    desk.press()
    desk.expect_home("rowan")
    phone.page.goto("/signup")
    phone.page.get_by_role("link", name="Log in").click()
    phone.expect_heading("Log in to your Odoo")
    phone.page.fill("#subdomain", "rown")
    phone.press()
    expect(phone.page.get_by_role("alert")).to_contain_text("There is no Odoo at this address")
    phone.judge("login")
    phone.page.fill("#subdomain", "rowan")
    phone.press()
    phone.page.wait_for_url(re.compile(r"//rowan\..*/web/login"))
    phone.log_in("rowan")
    phone.expect_home("rowan")


def test_a_visitor_sees_how_long_the_password_is_and_whether_both_agree(visitor: NewVisitor) -> None:
    ann = visitor()
    ann.sign_up("willow")
    ann.press()
    ann.expect_password_page("willow")
    first, again = ann.page.locator("#saas_password"), ann.page.locator("#saas_password_again")
    hint = ann.page.locator("#saas_password_hint")
    expect(hint).to_contain_text("At least 8 characters")
    first.fill("four words are enough")
    expect(hint).to_have_text("Strong.")
    ann.page.get_by_role("button", name="Show the password").click()
    expect(first).to_have_attribute("type", "text")
    again.fill("four words")
    assert again.evaluate("it => it.validationMessage") == "The two passwords are not the same."
    ann.page.get_by_role("link", name="Later").click()
    expect(ann.page.locator(".o_saas_banner")).to_contain_text("You have no password yet")
    ann.page.get_by_role("link", name="Choose a password").click()
    ann.expect_password_page("willow")
    ann.choose_password()
    ann.expect_home("willow")
    expect(ann.page.locator(".o_saas_banner")).to_have_count(0)


def test_the_form_fits_a_phone_and_has_large_targets(visitor: NewVisitor) -> None:
    ann = visitor("phone")
    ann.page.goto("/signup")
    small = ann.page.evaluate(
        """() => [...document.querySelectorAll("a, button, .choice, .periods label, .field input")]
            .filter((it) => !it.matches(".skip, .default, .trap *"))
            .filter((it) => it.checkVisibility() && it.getBoundingClientRect().height < 44)
            .map((it) => it.outerHTML)"""
    )
    assert small == []


def test_a_name_that_is_taken_while_typing_is_reported_with_a_suggestion_to_click(
    visitor: NewVisitor, office: BackOffice
) -> None:
    office.create("oak")
    ann = visitor()
    ann.fill("oak")
    verdict = ann.page.locator("#subdomain-verdict")
    expect(verdict).to_have_text("The subdomain oak is taken.")
    expect(ann.page.locator("#subdomain")).to_have_attribute("aria-invalid", "true")
    ann.judge("taken")
    ann.page.fill("#subdomain", "oakum")
    assert "oak is taken" not in verdict.inner_text()
    expect(verdict).to_have_text("oakum is free.")
    ann.page.fill("#subdomain", "oak")
    ann.page.get_by_role("button", name="oak-2").click()
    expect(verdict).to_have_text("oak-2 is free.")
    ann.send()


def test_a_name_taken_between_the_mail_and_the_click_is_asked_for_again(visitor: NewVisitor) -> None:
    ann, bob = visitor(), visitor()
    for one, mailbox in ((ann, "elm-ann"), (bob, "elm-bob")):
        one.fill("elm")
        one.page.fill("#customer_email", one.email(mailbox))
        one.send()
    ann.open_link("elm-ann")
    ann.press()
    ann.expect_home("elm")
    bob.open_link("elm-bob")
    bob.expect_heading("One click")
    bob.judge("confirm-taken")
    bob.page.get_by_role("button", name="elm-2").click()
    bob.press()
    bob.expect_home("elm-2")


def test_mistakes_are_shown_at_the_top_and_at_their_fields_and_no_input_is_lost(
    visitor: NewVisitor,
) -> None:
    ann = visitor()
    ann.fill("ash")
    ann.page.fill("#customer_email", "ann@mailinator.com")
    ann.press()
    summary = ann.page.locator("#summary")
    expect(summary).to_be_focused()
    ann.judge("faults")
    summary.get_by_role("link").click()
    expect(ann.page.locator("#customer_email")).to_be_focused()
    assert ann.page.input_value("#company_name") == "Ash Ltd"


def test_a_wrong_or_old_link_shows_how_to_continue(visitor: NewVisitor) -> None:
    ann = visitor()
    ann.page.goto("/signup/confirm?token=AAAA")
    ann.expect_heading("does not work any more")
    ann.judge("expired")
    ann.page.get_by_role("link", name="Begin again").click()
    ann.expect_heading("Start your Odoo")


def test_a_wrong_address_is_changed_and_only_the_new_mail_counts(visitor: NewVisitor) -> None:
    ann = visitor()
    ann.fill("fir")
    ann.page.fill("#customer_email", ann.email("fri"))
    ann.send()
    old = ann.link("fri")
    ann.page.get_by_role("link", name="Change it").click()
    assert ann.page.input_value("#subdomain") == "fir"
    ann.page.fill("#customer_email", ann.email("fir"))
    ann.send()
    ann.page.goto(old)
    ann.expect_heading("does not work any more")
    ann.open_link("fir")
    ann.expect_heading("One click")


def test_opening_the_mail_in_another_browser_logs_in_there_and_informs_the_first(visitor: NewVisitor) -> None:
    desk, phone = visitor(), visitor("phone")
    desk.fill("yew")
    desk.send()
    phone.open_link("yew")
    phone.press()
    phone.expect_home("yew")
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Your Odoo is ready", timeout=40_000)
    expect(desk.page.locator("main")).to_contain_text("You get a mail with a link")
    desk.judge("ready-elsewhere")


def test_the_progress_is_shown_step_by_step_without_a_reload(visitor: NewVisitor, office: BackOffice) -> None:
    ann, instance = visitor(), office.instance("lime-tree")
    ann.fill("lime")
    ann.send()
    reference = ann.page.url.rpartition("/")[2]
    _sql(office, f"UPDATE saas_instance SET operation = 'provision' WHERE id = {instance}")
    _sql(
        office,
        f"UPDATE saas_instance_request SET state = 'processing', instance_id = {instance}"
        f" WHERE reference = '{reference}'",
    )
    _log_step(office, instance, "sanitize", 40)
    ann.page.goto(f"/signup/progress/{reference}")
    bar = ann.page.get_by_role("progressbar", name="Making it yours")
    expect(bar).to_have_attribute("aria-valuenow", "40")
    ann.judge("progress")
    _log_step(office, instance, "admin", 80)
    expect(ann.page.locator("[aria-current=step]")).to_have_text("Opening your address")
    expect(ann.page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "80")
    _sql(office, f"UPDATE saas_instance SET operation = NULL WHERE id = {instance}")
    _sql(office, f"UPDATE saas_instance_request SET state = 'failed' WHERE reference = '{reference}'")
    ann.expect_heading("could not be created")
    ann.judge("failed")


def _log_step(office: BackOffice, instance: int, step: str, percent: int) -> None:
    columns = "instance_id, level, step, progress, message"
    values = f"{instance}, 'info', '{step}', {percent}, '{step}'"
    _sql(office, f"INSERT INTO saas_instance_log ({columns}) VALUES ({values})")


def test_reloading_and_going_back_do_nothing_twice(visitor: NewVisitor, office: BackOffice) -> None:
    ann = visitor()
    ann.fill("bay")
    ann.send()
    ann.page.reload()
    ann.page.go_back()
    ann.page.go_forward()
    ann.open_link("bay")
    # Or the page could leave for the new Odoo in the middle of the reload.
    ann.page.route("**/signup/state/*", lambda question: question.abort())
    ann.press()
    ann.page.wait_for_url("**/signup/progress/*", wait_until="commit")
    progress = ann.page.url
    ann.page.reload(wait_until="commit")
    ann.page.unroute_all()
    ann.expect_home("bay")
    ann.page.goto(progress, wait_until="commit")
    ann.expect_home("bay")
    ann.page.go_back()
    found = office.call("saas.instance.request", "search_count", [["subdomain", "=", "bay"]])
    assert found == 1
    assert (
        len(
            [
                mail
                for mail in ann.mails.mails
                if ann.email("bay") in mail["to"] and "Confirm" in mail["subject"]
            ]
        )
        == 1
    )


def test_a_visitor_who_returns_from_their_odoo_is_not_redirected_again(visitor: NewVisitor) -> None:
    ann = visitor()
    ann.sign_up("box")
    ann.press()
    ann.expect_home("box")
    ann.leave_odoo()
    ann.expect_heading("Your Odoo is ready")
    expect(ann.page.get_by_role("button", name="Open my Odoo")).to_be_visible()
    ann.judge("ready")


def test_the_signup_works_without_scripts(visitor: NewVisitor, office: BackOffice) -> None:
    office.create("gum")
    ann = visitor(java_script_enabled=False)
    ann.fill("gum")
    # This visitor needs less than two seconds for the form, as no person does.
    ann.page.wait_for_timeout(2000)
    ann.press()
    ann.page.get_by_role("button", name="gum-2").click()
    ann.page.wait_for_url("**/signup/sent/*")
    ann.open_link("gum")
    ann.press()
    ann.page.get_by_role("button", name="Open my Odoo").click()
    ann.expect_password_page("gum-2")
    ann.choose_password()
    ann.page.wait_for_url(re.compile(r"//gum-2\..*/odoo"), wait_until="commit")


def test_the_signup_works_by_keyboard_only(visitor: NewVisitor) -> None:
    ann = visitor()
    ann.page.goto("/signup")
    keys = ann.page.keyboard
    keys.press("Tab")
    expect(ann.page.get_by_role("link", name="Skip to content")).to_be_focused()
    keys.press("Enter")
    keys.press("Tab")
    expect(ann.page.get_by_role("link", name="Log in")).to_be_focused()
    keys.press("Tab")
    keys.type("Ivy Ltd")
    keys.press("Tab")
    keys.type("Ann Acme")
    keys.press("Tab")
    keys.type(ann.email("ivy-ltd"))
    expect(ann.page.locator(".free")).to_be_visible()
    for _field in ("country", "address", "template", "period", "plan"):
        keys.press("Tab")
    keys.press("ArrowRight")
    assert ann.page.evaluate("document.activeElement.name") == "plan"
    keys.press("Enter")
    ann.page.wait_for_url("**/signup/sent/*")
    ann.open_link("ivy-ltd")
    ann.page.locator("button.primary").focus()
    keys.press("Enter")
    ann.expect_home("ivy-ltd")


def test_a_french_visitor_gets_pages_in_french(visitor: NewVisitor, office: BackOffice) -> None:
    ann = visitor(locale="fr-FR")
    ann.fill("houx")
    expect(ann.page.locator("html")).to_have_attribute("lang", "fr-FR")
    expect(ann.page.locator(".note")).to_contain_text("anglais")
    ann.judge("form-french")
    ann.send()
    request = office.find("saas.instance.request", subdomain="houx")
    assert "French" in office.read("saas.instance.request", request, "language_id")["language_id"][1]
    ann.page.goto("/signup?lang=en")
    expect(ann.page.locator("html")).to_have_attribute("lang", "en-US")


_ARRIVED = """
    SELECT partner.name, partner.lang, partner.tz, country.code, currency.name
      FROM res_users AS customer
      JOIN res_partner AS partner ON partner.id = customer.partner_id
      JOIN res_company AS company ON company.id = customer.company_id
      JOIN res_partner AS address ON address.id = company.partner_id
      JOIN res_country AS country ON country.id = address.country_id
      JOIN res_currency AS currency ON currency.id = company.currency_id AND currency.active
     WHERE customer.login = %s
"""


@pytest.fixture(scope="module")
def world(office: BackOffice) -> Iterator[None]:
    """A template in the languages of the pages; it is dropped, for others expect one template only."""
    languages = [office.find("res.lang", code=code) for code in ("en_US", "fr_FR", "vi_VN")]
    template = office.template("world", "web", language_ids=[[6, 0, languages]])
    yield
    office.call("saas.template", "write", [template], {"active": False})
    office.engine.templates.drop("world")


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("locale", "zone", "customer", "arrived"),
    [
        ("fr-FR", "Europe/Paris", "Léa Dupont", ("fr_FR", "Europe/Paris", "FR", "EUR")),
        ("vi-VN", "Asia/Saigon", "Nguyễn Lan", ("vi_VN", "Asia/Saigon", "VN", "VND")),
    ],
)
def test_a_visitors_name_language_country_and_currency_arrive_in_their_odoo(
    visitor: NewVisitor, office: BackOffice, locale: str, zone: str, customer: str, arrived: tuple
) -> None:
    name = f"world-{zone.partition('/')[0].lower()}"
    ann = visitor("phone", locale=locale, timezone_id=zone)
    ann.fill(name, "/signup?template=world")
    ann.page.fill("#customer_name", customer)
    expect(ann.page.locator("#country")).to_have_value(arrived[2])
    assert ann.page.locator(".note").count() == 1, "only the template in English says so"
    ann.judge(f"form-{arrived[0]}")
    ann.send()
    ann.open_link(name)
    ann.press()
    ann.expect_home(name)
    with office.engine.context.cluster.connect(name) as inside:
        assert inside.execute(_ARRIVED.encode(), [ann.email(name)]).fetchall() == [(customer, *arrived)]
    # Other mails may come before it, such as Odoo's about the password.
    wait_until(lambda: [text for text in ann.texts(name) if "/saas/login" in text and customer in text])


def test_the_country_is_guessed_from_the_time_zone_and_a_choice_is_kept(visitor: NewVisitor) -> None:
    ann = visitor(timezone_id="Asia/Ho_Chi_Minh")
    ann.page.goto("/signup")
    country = ann.page.locator("#country")
    expect(country).to_have_value("VN")
    country.select_option("BE")
    ann.page.click("nav [hreflang=fr-FR]")
    expect(ann.page.locator("html")).to_have_attribute("lang", "fr-FR")
    expect(country).to_have_value("BE")


def test_changing_the_language_keeps_the_input(visitor: NewVisitor) -> None:
    ann = visitor()
    ann.fill("poplar")
    ann.page.click("nav [hreflang=fr-FR]")
    expect(ann.page.locator("html")).to_have_attribute("lang", "fr-FR")
    assert ann.page.input_value("#company_name") == "Poplar Ltd"
    assert ann.page.input_value("#subdomain") == "poplar"
    ann.page.reload()
    expect(ann.page.locator("#company_name")).to_have_value("")


def test_without_room_the_page_says_that_the_signup_continues_later(
    visitor: NewVisitor, office: BackOffice
) -> None:
    ann = visitor()
    ann.sign_up("may")
    servers = office.call("saas.server", "search", [["state", "=", "active"]])
    office.call("saas.server", "write", servers, {"state": "maintenance"})
    try:
        ann.press()
        ann.expect_heading("a little longer")
        ann.judge("delayed")
    finally:
        office.call("saas.server", "write", servers, {"state": "active"})
    cron = office.find("ir.model.data", module="saas_manager_signup", name="ir_cron_begin_delayed")
    office.call("ir.cron", "method_direct_trigger", [office.read("ir.model.data", cron, "res_id")["res_id"]])
    office.wait("saas.instance", office.live("may"), ["active"])


def test_a_closed_page_explains_itself(visitor: NewVisitor, office: BackOffice) -> None:
    ann = visitor()
    office.call("ir.config_parameter", "set_param", "saas_signup.closed", "True")
    try:
        ann.page.goto("/signup")
        ann.expect_heading("not taking new customers")
        ann.judge("closed")
    finally:
        office.call("ir.config_parameter", "set_param", "saas_signup.closed", False)
