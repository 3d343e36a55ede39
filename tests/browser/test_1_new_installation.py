"""What somebody sees who has just installed Tenantry."""

from __future__ import annotations

from playwright.sync_api import expect
from tests.browser.conftest import OpenScreen
from tests.support.screen import Person


def test_the_dashboard_says_what_to_do_first_and_leads_there(screens: OpenScreen, operator: Person) -> None:
    screen = screens(operator)
    screen.open("saas-dashboard", ".o_saas_dashboard")
    expect(screen.page.get_by_role("heading", name="first instance")).to_be_visible()
    expect(screen.button("2. Create an instance")).to_be_disabled()
    screen.picture("new-dashboard")
    screen.press("1. Build a template")
    screen.wait_for(".o_list_view .o_data_row")
    assert screen.problems == []


def test_an_empty_list_of_instances_says_what_to_do_first(screens: OpenScreen, operator: Person) -> None:
    screen = screens(operator)
    screen.open("saas-instances?view_type=list", ".o_nocontent_help")
    expect(screen.page.locator(".o_nocontent_help")).to_contain_text("Create your first instance")
    screen.picture("new-instances")
    assert screen.problems == []
