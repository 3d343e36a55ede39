"""The pages for hosts that are not served: each in every language, and as JSON for programs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from tenantry.errors import InvalidValue
from tenantry.model.provider import NOBODY, Provider

LANGUAGES = ("en", "fr", "vi")
"""The first is the default, also for programs."""


_CONTACT = {"en": "Contact", "fr": "Contact", "vi": "Liên hệ"}


def write_pages(folder: Path, provider: Provider = NOBODY) -> None:
    """Write `<page>.<language>.html` and `<page>.json` of every page into the folder.

    The front may be reading them: each page is replaced as a whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _pages(provider):
        partial = folder / f".{name}.new"
        partial.write_text(text, encoding="utf-8")
        partial.replace(folder / name)


def read_provider(file: Path) -> Provider:
    """The provider in the file; nobody if there is no readable file."""
    try:
        return Provider(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, InvalidValue):
        return NOBODY


def write_provider(file: Path, provider: Provider) -> None:
    partial = file.with_name(f".{file.name}.new")
    partial.write_text(json.dumps(asdict(provider), ensure_ascii=False), encoding="utf-8")
    partial.replace(file)


def _pages(provider: Provider) -> Iterator[tuple[str, str]]:
    files = resources.files(__package__)
    html = Template((files / "page.html").read_text(encoding="utf-8"))
    for name, page in tomllib.loads((files / "pages.toml").read_text(encoding="utf-8")).items():
        yield f"{name}.json", _as_json(page)
        for language in LANGUAGES:
            yield f"{name}.{language}.html", _as_html(html, page, language, provider)


def _as_html(html: Template, page: dict[str, Any], language: str, provider: Provider) -> str:
    text = {key: escape(value, quote=False) for key, value in page[language].items()}
    name = _element("p", "provider", escape(provider.name))
    more = _element("p", "notice", escape(provider.notice)) + _contact(provider, language)
    return html.substitute(language=language, status=page["status"], provider=name, more=more, **text)


def _contact(provider: Provider, language: str) -> str:
    email, url = escape(provider.email), escape(provider.url)
    links = [f'<a href="{url}">{url.partition("://")[2]}</a>'] if url else []
    links += [f'<a href="mailto:{email}">{email}</a>'] if email else []
    return _element("p", "contact", f"{_CONTACT[language]}: {' · '.join(links)}" if links else "")


def _element(tag: str, kind: str, content: str) -> str:
    return f'  <{tag} class="{kind}">{content}</{tag}>\n' if content else ""


def _as_json(page: dict[str, Any]) -> str:
    text = page[LANGUAGES[0]]
    error = f"{text['title']}. {text['message']}"
    return json.dumps({"success": False, "error": error, "error_code": page["code"]})
