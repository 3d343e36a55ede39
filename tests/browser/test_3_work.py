"""An operator at work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import OpenScreen
from tests.support.back_office import BackOffice
from tests.support.screen import Person, Screen

_STATE = ".o_statusbar_status .o_arrow_button_current"


@pytest.fixture
def screen(screens: OpenScreen, operator: Person) -> Screen:
    return screens(operator)


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
    """Write down every step that is shown, however short; call it to read them."""
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
    assert office.engine.is_serving("pampas")

    refusal.locator("footer button").first.click()
    typed.fill("Pampas")
    screen.press("Terminate for Good")
    expect(screen.page.locator(_STATE)).to_have_text("Terminated", timeout=30_000)
    assert not office.engine.is_serving("pampas")


@pytest.mark.parametrize(
    ("figure", "model"),
    [
        ("Active instances", "saas.instance"),
        ("Created in 30 days", "saas.instance"),
        ("Monthly revenue", "saas.subscription"),
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
