"""The pages for hosts that are not served: each in every language, and as JSON for programs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

LANGUAGES = ("en", "fr", "vi")
"""The first is the default, also for programs."""


def write_pages(folder: Path) -> None:
    """Write `<page>.<language>.html` and `<page>.json` of every page into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _pages():
        (folder / name).write_text(text, encoding="utf-8")


def _pages() -> Iterator[tuple[str, str]]:
    files = resources.files(__package__)
    html = Template((files / "page.html").read_text(encoding="utf-8"))
    for name, page in tomllib.loads((files / "pages.toml").read_text(encoding="utf-8")).items():
        yield f"{name}.json", _as_json(page)
        for language in LANGUAGES:
            yield f"{name}.{language}.html", _as_html(html, page, language)


def _as_html(html: Template, page: dict[str, Any], language: str) -> str:
    text = {key: escape(value, quote=False) for key, value in page[language].items()}
    return html.substitute(language=language, status=page["status"], **text)


def _as_json(page: dict[str, Any]) -> str:
    text = page[LANGUAGES[0]]
    error = f"{text['title']}. {text['message']}"
    return json.dumps({"success": False, "error": error, "error_code": page["code"]})
