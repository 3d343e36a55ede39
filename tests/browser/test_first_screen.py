"""What an administrator sees at the first login to a new back office."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect
from tests.support.back_office import BackOffice
from tests.support.screen import Person, Screen


def test_a_new_back_office_has_no_unread_messages(
    browser: Browser, new_office: BackOffice, pictures: Path
) -> None:
    master = new_office.engine.master
    person = Person(master.admin_login(), master.reset_admin_password().reveal())
    screen = Screen(browser, "desktop", master.url, pictures)
    screen.log_in(person)
    screen.page.get_by_label("Messages").click()
    expect(screen.page.locator(".o-mail-NotificationItem").first).to_be_visible()
    expect(screen.page.locator(".o-mail-MessagingMenu-counter")).to_have_count(0)
    assert screen.problems == []
    screen.page.context.close()
