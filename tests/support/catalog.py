"""The translations of the addons, as their .po files have them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.support.pages import ROOT

ADDONS = [file.parents[1] for file in sorted((ROOT / "addons").glob("*/*/i18n/*.pot"))]
LANGUAGES = ("fr", "vi")


@dataclass
class Entry:
    """A term of ours, what it is in the other language, and where it stands."""

    term: str = ""
    translation: str = ""
    places: list[str] = field(default_factory=list)


@cache
def template(addon: Path) -> list[Entry]:
    return _read(addon / "i18n" / f"{addon.name}.pot")


@cache
def catalog(addon: Path, language: str) -> list[Entry]:
    return _read(addon / "i18n" / f"{language}.po")


def words(language: str) -> dict[str, str]:
    """The terms of all addons of the back office whose translation is another word."""
    entries = [
        entry for addon in ADDONS if addon.parent.name == "master" for entry in catalog(addon, language)
    ]
    return {entry.term: entry.translation for entry in entries if entry.term != entry.translation}


def _read(file: Path) -> list[Entry]:
    """Without the header, whose term is empty."""
    blocks = file.read_text(encoding="utf-8").split("\n\n")
    return [entry for entry in map(_entry, blocks) if entry.term]


def _entry(block: str) -> Entry:
    entry = Entry()
    for key, text in _lines(block):
        if key == "#:":
            entry.places.append(text)
        elif key == "msgid":
            entry.term += ast.literal_eval(text)
        elif key == "msgstr":
            entry.translation += ast.literal_eval(text)
    return entry


def _lines(block: str) -> Iterator[tuple[str, str]]:
    """Each line with its keyword; a text may go on over several lines."""
    key = ""
    for line in block.splitlines():
        is_more = line.startswith('"')
        first, _, rest = line.partition(" ")
        key = key if is_more else first
        yield key, line if is_more else rest
