"""The signup page with the captcha on, in a real Chromium: people hardly notice it, programs are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.back_office import BackOffice
from tests.support.embedding import sql
from tests.support.mail_server import serving
from tests.support.visitor import Visitor

_ON, _DIFFICULTY = "saas_captcha.enabled", "saas_captcha.difficulty"


@pytest.fixture(params=["desktop", "phone"])
def ann(
    browser: Browser, office: BackOffice, pictures: Path, request: pytest.FixtureRequest
) -> Iterator[Visitor]:
    """A visitor while the captcha is on."""
    sql(office, "DELETE FROM saas_api_count")
    office.call("ir.config_parameter", "set_param", _ON, "True")
    office.call("ir.config_parameter", "set_param", _DIFFICULTY, "easy")
    with serving(office) as mails:
        visitor = Visitor(browser, office, mails, pictures, request.param)
        yield visitor
    visitor.context.close()
    for setting in (_ON, _DIFFICULTY):
        office.call("ir.config_parameter", "set_param", setting, "")
    office.terminate(*office.call("saas.instance", "search", [["state", "!=", "terminated"]]))


def test_a_visitor_signs_up_without_doing_anything_for_the_captcha(ann: Visitor) -> None:
    name = f"captcha-{ann.size}"
    ann.fill(name)
    _expect_solved(ann)
    ann.judge("captcha")
    ann.send()
    ann.open_link(name)
    ann.press()
    ann.expect_home(name)


def test_a_form_without_a_solution_is_refused_and_keeps_what_was_typed(ann: Visitor) -> None:
    name = f"robot-{ann.size}"
    ann.fill(name)
    ann.page.evaluate("document.querySelector('altcha-widget').remove()")
    ann.press()
    expect(ann.page.get_by_role("alert")).to_contain_text("Please wait until the check")
    expect(ann.page.locator("#subdomain")).to_have_value(name)
    _expect_solved(ann)
    ann.send()


def test_a_solution_that_was_sent_before_is_refused(ann: Visitor) -> None:
    ann.fill(f"once-{ann.size}")
    _expect_solved(ann)
    solution = ann.page.locator("input[name=altcha]").input_value()
    ann.send()
    ann.fill(f"twice-{ann.size}")
    _expect_solved(ann)
    ann.page.locator("input[name=altcha]").evaluate("(input, value) => { input.value = value; }", solution)
    ann.press()
    expect(ann.page.get_by_role("alert")).to_contain_text("Please wait until the check")
    expect(ann.page.locator("#subdomain")).to_have_value(f"twice-{ann.size}")


def _expect_solved(ann: Visitor) -> None:
    """The time it takes is random."""
    expect(ann.page.locator("altcha-widget [data-state=verified]")).to_be_visible(timeout=60_000)
