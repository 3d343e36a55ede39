"""A watcher over the whole way of a person, in all their tabs: what fails it, and how long they waited.

It fails a walk for what a person would call broken, wherever it was shown: a crash, an error dialogue, a red
notification, an address that answers with an error, a refused call, an error in the console, a link that
leads nowhere, and a press for which the page showed nothing before or with the answer. Shown is any change of
the page, another page or tab; so a page that changes by itself meanwhile hides a press without an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Error,
    Frame,
    Page,
    Request,
    Response,
    WebError,
)

_SCRIPT = Path(__file__).with_name("walk.js")
_CRASH = re.compile(r"\bOops\b|Odoo Server Error|Internal Server Error")
# They do something, or work once.
_NOT_SAFE = re.compile(r"/logout|token=|/web/become|/web/session/|/export|/download")
_ERROR = 400
_SERVED = 200


@dataclass
class Press:
    """A click of theirs; `how` the page answered, and when it showed the first of it."""

    label: str
    at_ms: int
    url: str
    how: str | None = None
    shown_ms: int | None = None

    @property
    def waited_ms(self) -> int:
        return (self.shown_ms or self.at_ms) - self.at_ms

    def show(self, how: str, at_ms: int) -> None:
        if self.shown_ms is None:
            self.how, self.shown_ms = how, max(at_ms, self.at_ms)

    def __str__(self) -> str:
        return f"{self.label!r} at {self.url}"


@dataclass
class _Link:
    href: str
    page: str
    label: str
    context: BrowserContext = field(repr=False)


class Walk:
    """Watch contexts before they open their first page: `walk = Walk(engine.master.url, "operator")`,
    `walk.watch(screen.page.context)`; then `walk.check()` now and then, and at its end `walk.end()`.
    """

    def __init__(self, home: str, who: str) -> None:
        """home: the master's address; what is below its host is of the same installation."""
        self.who = who
        self.faults: list[str] = []
        self.presses: list[Press] = []
        self.requested: set[str] = set()
        self._host = urlsplit(home).hostname or ""
        self._contexts: list[BrowserContext] = []
        self._links: list[_Link] = []
        self._expected: list[tuple[int, str]] = []
        self._waiting: dict[Frame, Press] = {}
        self._own: set[Page] = set()

    def watch(self, context: BrowserContext) -> None:
        """From the next page that is opened in it; in frames, too."""
        self._contexts.append(context)
        context.expose_binding("tellWalk", lambda source, note: self._hear(context, source["frame"], note))
        context.add_init_script(path=_SCRIPT)
        context.on("console", self._console)
        context.on("weberror", self._crash)
        context.on("response", self._response)
        context.on("requestfailed", self._failed)

    @contextmanager
    def expecting(self, status: int, url: str = "") -> Iterator[None]:
        """An address with that in it may answer with this error: that is what the page is for."""
        self._expected.append((status, url))
        yield
        self._expected.remove((status, url))

    # ------------------------------------------------------------ checks

    def check(self) -> None:
        """Raise AssertionError with all that was wrong until now."""
        assert not self.faults, f"the {self.who}'s walk:\n" + "\n".join(f"- {it}" for it in self.faults)

    def follow_links(self) -> None:
        """Request every link that was shown and not requested yet, once, as the one who saw it.

        Do it before something goes that they lead to.
        """
        self._settle()
        links, self._links = self._links, []
        for link in links:
            address = urldefrag(link.href).url
            if address in self.requested or not self._is_ours(address) or _NOT_SAFE.search(address):
                continue
            self.requested.add(address)
            status, text = self._ask(link.context, address)
            crashed = _CRASH.search(text)
            if (status >= _ERROR and not self._is_expected(status, address)) or crashed:
                wrong = crashed[0] if crashed else status
                self.faults.append(f"the link {link.label!r} of {link.page} leads to {wrong}: {address}")

    def _ask(self, context: BrowserContext, address: str) -> tuple[int, str]:
        """The status and the page there. Names below localhost, those of instances, only a browser knows."""
        if urlsplit(address).hostname == self._host:
            answer = context.request.get(address)
            is_page = "html" in answer.headers.get("content-type", "")
            return answer.status, answer.text() if is_page else ""
        tab = context.new_page()
        self._own.add(tab)
        try:
            shown = tab.goto(address)
            assert shown is not None
            return shown.status, tab.content()
        except Error as error:
            if "Download is starting" not in error.message:
                raise
            return _SERVED, ""
        finally:
            tab.close()

    def end(self) -> None:
        """Follow the rest of the links, print how long they waited, and check."""
        self.follow_links()
        for frame, press in self._waiting.items():
            if not frame.page.is_closed() and not frame.is_detached():
                self.faults.append(f"{press} showed nothing")
        print(self.report())
        self.check()

    def report(self) -> str:
        """How often they pressed something, and the longest waits without any feedback."""
        longest = sorted(self.presses, key=lambda press: press.waited_ms, reverse=True)[:3]
        lines = [f"{press.waited_ms / 1000:.2f} s until {press.how}: {press}" for press in longest]
        counts = f"{len(self.presses)} presses, {len(self.requested)} links"
        return f"\nThe {self.who}'s walk: {counts}. The longest waits without feedback:\n" + "\n".join(lines)

    def _settle(self) -> None:
        """Let the pages tell the rest: what they show after the last press, and their links."""
        for context in self._contexts:
            for page in context.pages:
                for frame in page.frames:
                    frame.evaluate("window.settleWalk?.()")

    # ------------------------------------------------------------ what the pages tell

    def _hear(self, context: BrowserContext, frame: Frame, note: dict[str, Any]) -> None:
        kind, at_ms = note["kind"], note["at"]
        if kind == "press":
            press = Press(note["label"], at_ms, note["url"])
            self.presses.append(press)
            self._waiting[frame] = press
        elif kind == "shown":
            self._show(frame, note["how"], at_ms)
        elif kind == "document":
            self._show(frame, "another page", at_ms)
        elif kind == "link" and frame.page not in self._own:
            self._links.append(_Link(note["href"], note["page"], note["label"], context))
        elif kind == "fault":
            self.faults.append(f"{frame.url}: {note['text']}")

    def _show(self, frame: Frame, how: str, at_ms: int) -> None:
        press = self._waiting.pop(frame, None)
        if press and how == "another press":
            self.faults.append(f"{press} showed nothing before something else was pressed")
        elif press:
            press.show(how, at_ms)

    def _console(self, message: ConsoleMessage) -> None:
        # What could not be loaded is judged by its status.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"console: {message.text} ({message.location.get('url')})")

    def _crash(self, error: WebError) -> None:
        self.faults.append(f"script: {error.error}")

    def _response(self, response: Response) -> None:
        if response.status >= _ERROR and not self._is_expected(response.status, response.url):
            self.faults.append(f"{response.status} from {response.request.method} {response.url}")

    def _failed(self, request: Request) -> None:
        # A page that is left, or a question that is asked anew, aborts what it waited for.
        if "ERR_ABORTED" not in (request.failure or ""):
            self.faults.append(f"{request.failure} from {request.method} {request.url}")

    def _is_expected(self, status: int, url: str) -> bool:
        return any(status == expected and part in url for expected, part in self._expected)

    def _is_ours(self, url: str) -> bool:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and (host == self._host or host.endswith(f".{self._host}"))
