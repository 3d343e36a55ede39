"""The machine's own Chromium, as tests start it; Playwright's download is not used."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def program() -> str:
    """The path of Chromium. Raises AssertionError with a remedy."""
    found = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    assert found, "There is no Chromium on this machine. Remedy: apt install chromium"
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    executable = program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        yield browser
        browser.close()
