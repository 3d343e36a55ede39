"""A user at a screen of some size, logged in to an Odoo's web client."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
_ERRORS = ".o_error_dialog, .o_notification:has(.bg-danger)"
_IMAGES_ARE_THERE = """() => [...document.images].every(
    image => image.complete || image.getBoundingClientRect().top > innerHeight)"""
_MENUS = ":is(.o_statusbar_buttons .dropdown-toggle, button.o-control-panel-adaptive-dropdown):visible"
_BUTTONS = "button:visible, .dropdown-item:not(:has(button)):visible"
_TIMEOUT_MS = 20_000
_SIDEWAYS = """() => [...document.querySelectorAll("html, .modal-body, .o_form_view *, .o_saas_dashboard *")]
    .filter((it) => it.checkVisibility() && it.clientWidth && it.scrollWidth > it.clientWidth + 1)
    .filter((it) => it === document.documentElement || /auto|scroll/.test(getComputedStyle(it).overflowX))
    .filter((it) => !it.matches(".o_list_renderer, .o_notebook_headers, .o-mail-Chatter *"))
    .map((it) => `${it.className || it.tagName} is ${it.scrollWidth} wide`)"""
_ROWS = """() => new Set([...document.querySelectorAll(".o_statusbar_buttons button")]
    .filter((it) => it.checkVisibility()).map((it) => it.getBoundingClientRect().top)).size"""
_TEXTS = """() => {
    const found = new Set();
    for (const it of document.querySelectorAll("body :not(.o-mail-Chatter *, .o_main_navbar *)")) {
        if (!it.checkVisibility()) continue;
        for (const name of ["title", "aria-label", "placeholder"]) found.add(it.getAttribute(name) ?? "");
        for (const part of it.childNodes) if (part.nodeType === Node.TEXT_NODE) found.add(part.textContent);
    }
    return [...found].map((it) => it.trim());
}"""


@dataclass(frozen=True)
class Person:
    login: str
    password: str


class Screen:
    """A tab of its own, with all it complained about."""

    def __init__(self, browser: Browser, size: str, base_url: str, pictures: Path) -> None:
        context = browser.new_context(base_url=base_url, **SIZES[size])
        context.set_default_timeout(_TIMEOUT_MS)
        self._use(context.new_page(), size, pictures)

    @classmethod
    def of(cls, page: Page, size: str, pictures: Path) -> Screen:
        """The screen that shows a tab which is open already."""
        screen = cls.__new__(cls)
        screen._use(page, size, pictures)
        return screen

    def _use(self, page: Page, size: str, pictures: Path) -> None:
        self.page, self.size, self.pictures = page, size, pictures
        self.complaints: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        # A view without the widget that it asks for looks poor, and lacks what the widget does.
        if message.type == "error" or message.text.startswith("Missing widget"):
            self.complaints.append(f"{message.text} ({message.location.get('url')})")

    # ------------------------------------------------------------ actions of a person

    def log_in(self, person: Person) -> None:
        self.page.goto("/web/login")
        self.page.fill("#login", person.login)
        self.page.fill("#password", person.password)
        self.page.click("button[type=submit]")
        self.page.wait_for_selector(".o_web_client .o_main_navbar")

    def open(self, path: str, shows: str) -> None:
        """Go to a page of the web client and wait until it shows that and loads no more."""
        self.complaints.clear()
        self.page.goto(f"/odoo/{path}")
        self.wait_for(shows)

    def wait_for(self, shows: str) -> None:
        expect(self.page.locator(shows).first).to_be_visible(timeout=_TIMEOUT_MS)
        expect(self.page.locator(".o_loading_indicator, .o_blockUI")).to_have_count(0)
        self.page.wait_for_function(_IMAGES_ARE_THERE)

    def switch_to(self, kind: str) -> None:
        """Switch to that kind of view if another one is shown: phones begin with cards."""
        if not self.page.locator(f".o_{kind}_view").count():
            self.page.locator(".o_cp_switch_buttons > button").click()
            entry = self.page.locator(".o_cp_switch_buttons .dropdown-item").get_by_text(kind.title())
            _choose(entry)
        self.wait_for(f".o_{kind}_view :is(.o_{kind}_renderer, .o_pivot table)")

    def press(self, label: str) -> None:
        """Press the button of that label; a small screen keeps some in a menu."""
        button, menu = self.button(label), self.page.locator(_MENUS)
        if button.is_visible() or not menu.count():
            button.click()
        else:
            menu.first.click()
            _choose(button)

    def button(self, label: str) -> Locator:
        within = self.page.locator(".modal" if self.page.locator(".modal").count() else "body")
        named = re.compile(rf"^\s*{re.escape(label)}\s*$")
        return (
            within.locator("button:visible, .dropdown-item:not(:has(button)):visible")
            .filter(has_text=named)
            .first
        )

    # ------------------------------------------------------------ checks of the screen

    @property
    def problems(self) -> list[str]:
        """The errors in the browser's console and Odoo's dialogs since the page was opened."""
        return [*self.complaints, *self.page.locator(_ERRORS).all_inner_texts()]

    @property
    def sideways(self) -> list[str]:
        """What a person would have to move sideways to read all of it, but for tables and tabs."""
        return self.page.evaluate(_SIDEWAYS)

    @property
    def rows_of_buttons(self) -> int:
        """In how many rows the buttons of a form's head stand."""
        return self.page.evaluate(_ROWS)

    @property
    def texts(self) -> set[str]:
        """All that is shown, or read to those who cannot see it, but for messages and the bar of Odoo."""
        return set(self.page.evaluate(_TEXTS))

    def picture(self, name: str) -> None:
        self.page.screenshot(path=self.pictures / f"{name}-{self.size}.png", animations="disabled")


def _choose(entry: Locator) -> None:
    """A phone's menu slides in from below, and closes when scrolled, as a click of Playwright's would."""
    entry.dispatch_event("click")
