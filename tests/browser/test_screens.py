"""The screens of an operator, a customer and a visitor: first of a new installation, then of a used one.

One file, so that all of it runs after each other on one installation.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.conftest import OpenScreen
from tests.support.back_office import BackOffice
from tests.support.screen import SIZES, Person, Screen
from tests.support.views import VIEWS, View

_STATE = ".o_statusbar_status .o_arrow_button_current"


@pytest.fixture
def screen(screens: OpenScreen, operator: Person) -> Screen:
    return screens(operator)


# ------------------------------------------------------------ a new installation


def test_the_dashboard_says_what_to_do_first_and_leads_there(screen: Screen) -> None:
    screen.open("saas-dashboard", ".o_saas_dashboard")
    expect(screen.page.get_by_role("heading", name="first instance")).to_be_visible()
    expect(screen.button("2. Create an instance")).to_be_disabled()
    screen.picture("new-dashboard")
    screen.press("1. Build a template")
    screen.wait_for(".o_list_view .o_data_row")
    assert screen.problems == []


def test_an_empty_list_of_instances_says_what_to_do_first(screen: Screen) -> None:
    screen.open("saas-instances?view_type=list", ".o_nocontent_help")
    expect(screen.page.locator(".o_nocontent_help")).to_contain_text("Create your first instance")
    screen.picture("new-instances")
    assert screen.problems == []


# ------------------------------------------------------------ every view


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@pytest.mark.parametrize("size", SIZES)
def test_every_view_opens_without_an_error(
    screens: OpenScreen, operator: Person, sample: dict[str, int], size: str, view: View
) -> None:
    screen = screens(operator, size)
    screen.open(view.path.format(**sample), view.shows)
    if view.kind:
        screen.switch_to(view.kind)
    if view.button:
        screen.press(view.button)
        screen.wait_for(".modal .o_form_view")
    screen.picture(view.name)
    assert screen.problems == []


@pytest.mark.parametrize("size", SIZES)
def test_the_settings_open_without_an_error(
    screens: OpenScreen, administrator: Person, sample: dict[str, int], size: str
) -> None:
    screen = screens(administrator, size)
    screen.open("action-saas_manager.res_config_settings_action", ".o_setting_container .app_settings_block")
    screen.picture("settings")
    assert screen.problems == []


# ------------------------------------------------------------ an operator at work


def test_the_secret_of_an_endpoint_is_shown_once(screen: Screen, office: BackOffice) -> None:
    values = {"name": "Billing", "url": "https://billing.invalid/hooks"}
    webhook = office.call("saas.webhook", "create", [values])[0]
    screen.open(f"saas.webhook/{webhook}", ".o_form_view .o_form_sheet")
    screen.press("Show the Secret")
    expect(screen.page.locator(".modal .o_form_view")).to_contain_text("whsec_")
    screen.picture("webhook-secret")
    screen.press("Done")
    expect(screen.button("Show the Secret")).to_be_hidden()
    assert screen.problems == []


def test_an_operator_gets_a_login_link_once_and_it_lets_the_customer_in(
    screen: Screen, office: BackOffice
) -> None:
    instance = office.create("linden")
    screen.open(f"saas-instances/{instance}", ".o_form_sheet")
    screen.press("Let the Customer In")
    screen.page.get_by_label("Show a login link, to copy it").check()
    screen.picture("access")
    screen.press("Confirm")
    shown = screen.page.locator(".modal [name=link]")
    expect(shown).to_contain_text("/saas/login?token=")
    screen.picture("access-link")
    link = shown.inner_text().split()[0]
    screen.press("Done")
    expect(screen.page.locator(".o-mail-Chatter")).to_contain_text("made a login link")
    expect(screen.page.locator("body")).not_to_contain_text("token=")
    assert screen.problems == []
    screen.page.goto(link)
    screen.page.locator("form[action*='/saas/login'] button").click()
    screen.page.wait_for_url("**/saas/password")
    office.terminate(instance)


def test_create_shows_the_steps_and_then_active_without_a_reload(screen: Screen, office: BackOffice) -> None:
    draft = office.instance("oakwood")
    screen.open(f"saas-instances/{draft}", ".o_form_sheet")
    screen.page.evaluate("window.isStillTheSamePage = true")
    seen = _note_steps(screen)
    screen.press("Create")
    expect(screen.page.locator(_STATE)).to_have_text("Active", timeout=30_000)
    expect(screen.button("Open")).to_be_visible()
    assert len(set(seen())) > 1
    assert screen.page.evaluate("window.isStillTheSamePage")
    assert screen.problems == []
    office.terminate(draft)


def _note_steps(screen: Screen) -> Callable[[], list[str]]:
    """Record every step that is shown, however short; call the result to read them."""
    screen.page.evaluate(
        """() => {
            window.steps = [];
            const note = () => {
                const step = document.querySelector(".o_saas_progress_field [role=status]");
                if (step) window.steps.push(step.textContent);
            };
            new MutationObserver(note).observe(document.body, {
                childList: true, subtree: true, characterData: true });
        }"""
    )
    return lambda: screen.page.evaluate("window.steps")


def test_terminate_refuses_a_wrong_name_and_terminates_with_the_right_one(
    screen: Screen, office: BackOffice
) -> None:
    instance = office.create("pampas")
    screen.open(f"saas-instances/{instance}", ".o_form_sheet")
    screen.press("Terminate")
    typed = screen.page.locator(".modal [name=typed_name] input")
    typed.fill("pampa")
    screen.press("Terminate for Good")
    refusal = screen.page.locator(".modal").filter(has_text="does not match")
    expect(refusal).to_be_visible()
    screen.picture("terminate-refused")
    assert office.engine.instances.is_serving("pampas")

    refusal.locator("footer button").first.click()
    typed.fill("Pampas")
    screen.press("Terminate for Good")
    expect(screen.page.locator(_STATE)).to_have_text("Terminated", timeout=30_000)
    assert not office.engine.instances.is_serving("pampas")


@pytest.mark.parametrize(
    ("figure", "model"),
    [
        ("Active instances", "saas.instance"),
        ("Created in 30 days", "saas.instance"),
        ("Monthly revenue", "saas.subscription.period"),
        ("Creation time", "saas.instance"),
        ("Failures in 30 days", "saas.instance.log"),
    ],
)
def test_a_figure_of_the_dashboard_opens_its_list(
    screen: Screen, sample: dict[str, int], figure: str, model: str
) -> None:
    screen.open("saas-dashboard", ".o_saas_total")
    total = screen.page.locator(".o_saas_total").filter(has_text=figure)
    shown = total.locator(".o_saas_value").inner_text()
    total.click()
    screen.wait_for(".o_list_view")
    if shown.isdigit():
        expect(screen.page.locator(".o_list_view .o_data_row")).to_have_count(int(shown))
    assert screen.problems == []


# ------------------------------------------------------------ a customer, and a visitor of a wrong address


@pytest.mark.parametrize("size", SIZES)
def test_a_customer_with_a_link_is_in_their_odoo_after_one_button(
    browser: Browser, office: BackOffice, sample: dict[str, int], pictures: Path, size: str
) -> None:
    screen = Screen(browser, size, office.engine.master.url, pictures)
    screen.page.goto(office.engine.instances.login_link("acme").reveal())
    screen.picture("login-link")
    screen.page.locator("form[action*='/saas/login'] button").click()
    screen.page.wait_for_url("**/saas/password")
    screen.picture("password")
    screen.page.get_by_role("link", name="Later").click()
    screen.page.wait_for_selector(".o_web_client .o_main_navbar")
    screen.picture("tenant")
    assert screen.problems == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "title"),
    [("nobody", "Nothing lives here"), ("cobalt", "This Odoo is suspended")],
)
def test_a_page_of_the_front_follows_the_visitors_dark_scheme(
    browser: Browser,
    office: BackOffice,
    sample: dict[str, int],
    pictures: Path,
    size: str,
    name: str,
    title: str,
) -> None:
    screen = Screen(browser, size, office.engine.master.url, pictures)
    address = office.engine.context.route("acme").url.replace("acme", name)
    lightness = []
    for scheme in ("light", "dark"):
        screen.page.emulate_media(color_scheme=scheme)
        screen.page.goto(address)
        expect(screen.page.get_by_role("heading", name=title)).to_be_visible()
        screen.picture(f"front-{name}-{scheme}")
        lightness.append(_lightness(screen))
    light, dark = lightness
    assert light > 200
    assert dark < 60


def _lightness(screen: Screen) -> float:
    """The brightness of the page's background, 0 to 255."""
    color = screen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = (int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(","))
    return (red + green + blue) / 3
