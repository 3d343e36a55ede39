"""A visitor of the signup page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support.back_office import BackOffice
from tests.support.mail_server import MailServer, text_of
from tests.support.screen import SIZES

_LINK = re.compile(r"http\S+/signup/confirm\?token=\S+")
HOME = ".o_web_client .o_main_navbar"
PASSWORD = "four words are enough"
_GRAVE = ("serious", "critical")
_TIMEOUT_MS = 20_000


class Visitor:
    """A browser of their own, and a mailbox; `axe` judges each page they are shown."""

    def __init__(
        self,
        browser: Browser,
        office: BackOffice,
        mails: MailServer,
        pictures: Path,
        size: str = "desktop",
        **options: Any,
    ) -> None:
        self.office, self.mails, self.pictures, self.size = office, mails, pictures, size
        self.context = browser.new_context(
            base_url=office.engine.master.url, **{**SIZES[size], "locale": "en-US", **options}
        )
        self.context.set_default_timeout(_TIMEOUT_MS)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    # ------------------------------------------------------------ what they do

    def fill(self, name: str, address: str = "/signup") -> None:
        """Fill the form in; `name` is in all of it."""
        self.page.goto(address)
        self.page.fill("#company_name", f"{name.title()} Ltd")
        self.page.fill("#customer_name", "Ann Acme")
        self.page.fill("#customer_email", self.email(name))
        self.page.fill("#subdomain", name)

    def email(self, name: str) -> str:
        return f"ann@{name}.example"

    def send(self) -> None:
        self.page.click("button.primary")
        self.page.wait_for_url("**/signup/sent/*")

    def link(self, name: str) -> str:
        """From the mail they got."""
        found = _LINK.search(text_of(self.mails.wait_to(self.email(name))))
        assert found
        return found[0]

    def texts(self, name: str) -> list[str]:
        """The texts of the mails that they got so far."""
        return [text_of(mail) for mail in list(self.mails.mails) if self.email(name) in mail["to"]]

    def open_link(self, name: str) -> None:
        self.page.goto(self.link(name))

    def press(self) -> None:
        self.page.click("button.primary")

    def sign_up(self, name: str) -> None:
        """Continue to the page with the button that creates the Odoo."""
        self.fill(name)
        self.send()
        self.open_link(name)

    def choose_password(self, password: str = PASSWORD) -> None:
        """On the page that asks for it."""
        self.page.fill("#saas_password", password)
        self.page.fill("#saas_password_again", password)
        self.page.click("#saas_password_form button[type=submit]")

    def log_in(self, name: str, password: str = PASSWORD) -> None:
        """On their Odoo's login page."""
        self.page.fill("input[name=login]", self.email(name))
        self.page.fill("input[name=password]", password)
        self.page.get_by_role("button", name="Log in", exact=True).click()

    def leave_odoo(self) -> None:
        """Go back to the page before it; Odoo's client may have added entries of its own."""
        with self.page.expect_navigation(wait_until="load"):
            self.page.evaluate("history.go(-(navigation.currentEntry.index + 1))")

    # ------------------------------------------------------------ what they see

    def expect_home(self, name: str) -> None:
        """Check that they are logged in to their own Odoo; who has no password is asked for one first."""
        self.wait_for_their_odoo(name)
        if "/saas/password" in self.page.url:
            self.choose_password()
        expect(self.page.locator(HOME)).to_be_visible(timeout=_TIMEOUT_MS)
        assert f"//{name}." in self.page.url
        assert "/odoo" in self.page.url
        expect(self.page.locator(".o-mail-Discuss")).to_have_count(0)

    def wait_for_their_odoo(self, name: str) -> None:
        """Until they are logged in: on the page that asks for a password, or on the home screen."""
        self.page.wait_for_url(re.compile(rf"//{name}\..*/(saas/password|odoo)"), wait_until="load")

    def expect_password_page(self, name: str) -> None:
        self.page.wait_for_url(re.compile(rf"//{name}\..*/saas/password"), wait_until="load")
        self.expect_heading("Choose a password")

    def expect_heading(self, text: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(text)

    def judge(self, name: str, part: str | None = None) -> None:
        """Take its picture in both schemes; nothing of it may shut people out.

        part: the selector of what is ours, on a page of Odoo's.
        """
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            self.page.screenshot(
                path=self.pictures / f"signup-{name}-{self.size}-{scheme}.png",
                full_page=True,
                animations="disabled",
            )
            violations = Axe().run(self.page, context=part).response["violations"]
            grave = [it for it in violations if it["impact"] in _GRAVE]
            assert not grave, f"{name}, {scheme}: {grave}"
        self.page.emulate_media(color_scheme="light")
        wide = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, f"{name} is wider than the screen"
        assert self.complaints == []
