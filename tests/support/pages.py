"""The documentation's pages: their links, headings and fenced blocks, as a Markdown parser reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
_COMMENT = re.compile(r"^<!--\s*(?P<key>[a-z ]+?)\s*:(?P<value>.*?)-->\s*$", re.MULTILINE | re.DOTALL)
_PROMPT = "$ "


@dataclass(frozen=True)
class Fence:
    """A fenced block. notes: from the HTML comments directly above it, `<!-- key: value -->`."""

    page: Path
    line: int
    language: str
    text: str
    notes: dict[str, str]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[tuple[str, list[str]]]:
        """Each command after a `$ `, with the lines that are shown below it."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith(_PROMPT):
                found.append((line.removeprefix(_PROMPT), []))
            elif found and found[-1][0].endswith("\\") and not found[-1][1]:
                found[-1] = (f"{found[-1][0]}\n{line}", [])
            else:
                found[-1][1].append(line)
        return found


@cache
def pages() -> Sequence[Path]:
    """Everything written for people, but for the notes of `bench/results`."""
    return [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "bench/README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


@cache
def tokens(page: Path) -> Sequence[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def fences(page: Path) -> Iterator[Fence]:
    notes: dict[str, str] = {}
    for token in tokens(page):
        if token.type == "html_block":
            notes = {found["key"]: found["value"].strip() for found in _COMMENT.finditer(token.content)}
        elif token.type == "fence":
            assert token.map
            yield Fence(page, token.map[0] + 1, token.info.strip(), token.content, notes)
        if token.type != "html_block":
            notes = {}


def _spoken(page: Path) -> Iterator[Token]:
    """The smallest parts of its sentences: texts, links, code."""
    for token in tokens(page):
        yield from token.children or ()


def links(page: Path) -> Iterator[str]:
    for token in _spoken(page):
        target = token.attrs.get("href") or token.attrs.get("src")
        if target:
            yield str(target)


def code_spans(page: Path) -> Iterator[str]:
    """The texts between backticks in its sentences."""
    return (token.content for token in _spoken(page) if token.type == "code_inline")


def anchors(page: Path) -> set[str]:
    """The names of its headings in links, as GitHub makes them."""
    found: list[str] = []
    all_tokens = tokens(page)
    for heading, inline in pairwise(all_tokens):
        if heading.type == "heading_open":
            text = "".join(part.content for part in inline.children or ())
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            again = sum(1 for other in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other))
            found.append(f"{slug}-{again}" if again else slug)
    return set(found)


def tables(page: Path) -> Iterator[list[list[str]]]:
    """Each table's rows, the heading first, each cell as Markdown."""
    rows: list[list[str]] = []
    all_tokens = tokens(page)
    for before, token in pairwise(all_tokens):
        if token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif before.type in ("th_open", "td_open"):
            rows[-1].append(token.content)
        elif token.type == "table_close":
            yield rows


def page(name: str) -> Path:
    """A page of `docs`."""
    return ROOT / "docs" / name


def table(name: str, *heading: str) -> Iterator[list[str]]:
    """The rows below each such heading of a page."""
    found = [rows for rows in tables(page(name)) if rows[0][: len(heading)] == list(heading)]
    assert found, f"{name} has no table {heading}"
    return (row for rows in found for row in rows[1:])


def spans(markdown: str) -> list[str]:
    """The texts between backticks in a cell."""
    return re.findall(r"`([^`]+)`", markdown)
