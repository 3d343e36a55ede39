"""The pictures of the documentation (`make pictures`): the back office, the signup, the terminal."""

from __future__ import annotations

import os
import pty
import re
import sys
from pathlib import Path

from playwright.sync_api import Browser
from rich.console import Console
from rich.text import Text
from tests.browser.conftest import OpenScreen
from tests.support.back_office import BackOffice
from tests.support.mail_server import serving
from tests.support.screen import Person, Screen

_COMMAND = Path(sys.executable).with_name("tenantry")
_PAGE = """<body style="margin:0;background:#11151c"><pre style="margin:0;padding:24px;width:max-content;
color:#dfe6ee;font:15px/1.45 'DejaVu Sans Mono',monospace">{code}</pre></body>"""
_COLUMNS, _LINES = 88, 40
_PASSWORD = re.compile(r"(Password +)\S+")


def test_the_back_office(screens: OpenScreen, operator: Person, sample: dict[str, int]) -> None:
    screen = screens(operator)
    screen.open("saas-dashboard", ".o_saas_dashboard")
    screen.picture("docs-dashboard")
    screen.open("saas-instances?view_type=list", ".o_list_view .o_data_row")
    screen.picture("docs-instances")
    assert screen.problems == []


def test_the_signup_page(browser: Browser, office: BackOffice, pictures: Path) -> None:
    with serving(office):
        for size in ("desktop", "phone"):
            screen = Screen(browser, size, office.engine.master.url, pictures)
            screen.page.goto("/signup")
            screen.page.fill("#company_name", "Le Bistro")
            screen.page.locator(".free").wait_for()
            screen.picture("docs-signup")
            assert screen.complaints == []


def test_the_command_in_a_terminal(browser: Browser, office: BackOffice, pictures: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TENANTRY_")},
        **office.engine.settings.to_environment(),
        "TENANTRY_CONFIG": str(pictures / "no-login"),
        "TERM": "xterm-256color",
        "COLUMNS": str(_COLUMNS),
        "LINES": str(_LINES),
    }
    commands = [
        ("create", "bistro", "owner@bistro.example", "--template", "tiny", "--company", "Le Bistro"),
        ("instance", "list"),
        ("instance", "suspend", "bistro"),
        ("instance", "terminate", "bistro", "--yes"),
    ]
    shown = [_typed(environment, *words) for words in commands]
    assert "bistro is running" in shown[0]
    assert "http://bistro." in shown[1]
    code = "\n".join(_as_html(_PASSWORD.sub(r"\1••••••••", text)) for text in shown[:3])
    tab = browser.new_page(viewport={"width": 900, "height": 500})
    tab.set_content(_PAGE.format(code=code))
    tab.locator("pre").screenshot(path=pictures / "docs-terminal-desktop.png")
    tab.close()


def _typed(environment: dict[str, str], *words: str) -> str:
    """A command in a terminal, with what the terminal shows after it, as it stands at its end."""
    program, terminal = pty.fork()
    if program == 0:
        os.execve(_COMMAND, [str(_COMMAND), *words], environment)
    printed = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the program has ended
            break
        printed += part
    os.close(terminal)
    assert os.waitpid(program, 0)[1] == 0, printed
    typed = " ".join(f'"{word}"' if " " in word else word for word in words)
    return f"\x1b[1;32m$\x1b[0m \x1b[1mtenantry {typed}\x1b[0m\n{_settled(printed.decode())}"


def _settled(printed: str) -> str:
    """Without the lines that a progress bar has drawn and taken away again."""
    lines: list[str] = []
    for line in printed.replace("\r\n", "\n").split("\n"):
        visible = line.rpartition("\x1b[2K")[2].rpartition("\r")[2]
        visible = visible.replace("\x1b[?25l", "").replace("\x1b[?25h", "").replace("\x1b[1A", "")
        if "━" not in visible:
            lines.append(visible)
    return "\n".join(lines).strip("\n")


def _as_html(text: str) -> str:
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, file=nowhere, width=_COLUMNS, force_terminal=True)
        console.print(Text.from_ansi(text))
        return console.export_html(inline_styles=True, code_format="{code}")
