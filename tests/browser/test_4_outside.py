"""What others than the operator see: a customer with a link, and who comes to a wrong address."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.back_office import BackOffice
from tests.support.screen import SIZES, Screen


@pytest.mark.parametrize("size", SIZES)
def test_a_customer_with_a_link_presses_one_button_and_is_in_his_odoo(
    browser: Browser, office: BackOffice, sample: dict[str, int], pictures: Path, size: str
) -> None:
    screen = Screen(browser, size, office.engine.master.url, pictures)
    screen.page.goto(office.engine.login_link("acme").reveal())
    screen.picture("login-link")
    screen.page.locator("form[action*='/saas/login'] button").click()
    screen.page.wait_for_selector(".o_web_client .o_main_navbar")
    screen.picture("tenant")
    assert screen.problems == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "title"),
    [("nobody", "Nothing lives here"), ("cobalt", "This Odoo is suspended")],
)
def test_a_page_of_the_router_follows_the_visitor_s_dark_scheme(
    browser: Browser,
    office: BackOffice,
    sample: dict[str, int],
    pictures: Path,
    size: str,
    name: str,
    title: str,
) -> None:
    screen = Screen(browser, size, office.engine.master.url, pictures)
    address = office.engine.runtime.route("acme").url.replace("acme", name)
    lightness = []
    for scheme in ("light", "dark"):
        screen.page.emulate_media(color_scheme=scheme)
        screen.page.goto(address)
        expect(screen.page.get_by_role("heading", name=title)).to_be_visible()
        screen.picture(f"router-{name}-{scheme}")
        lightness.append(_lightness(screen))
    light, dark = lightness
    assert light > 200
    assert dark < 60


def _lightness(screen: Screen) -> float:
    """Of the page's background, 0 to 255."""
    color = screen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = (int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(","))
    return (red + green + blue) / 3
