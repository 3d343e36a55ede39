"""The translations of the addons: complete, and true to what they translate."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from tests.support.catalog import ADDONS, LANGUAGES, Entry, catalog, template

each_addon = pytest.mark.parametrize("addon", ADDONS, ids=lambda addon: addon.name)
each_language = pytest.mark.parametrize("language", LANGUAGES)

_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[.\d]*[sdfg%]")
_EXPRESSION = re.compile(r"""\{\{.*?\}\}|\bt-[\w-]+="[^"]*"|\binvisible="[^"]*\"""")
_WORDS = re.compile(r"[A-Za-z]{2,} +[a-z]{2,} +[a-z]{2,}")
_TWO_SENSES = {
    "Log in",  # a button, and what a sentence of the signup asks for
    "Status",  # a condition, and the number of an answer over HTTP
}
_OTHER_WORDS = {
    "fr": r"(?i)\b(courriels?|[r]aisons?|gabarits?|hébergeurs?)\b|\w'\w",
    "vi": r"(?i)(?<!hộp )(?<!mục )\bthư\b(?! mục| rác)|\bthư điện tử\b",
}
"""Words and signs which other catalogs use for what ours call e-mail, motif, modèle, fournisseur, email."""


@each_language
@each_addon
def test_every_term_is_translated_and_no_other(addon: Path, language: str) -> None:
    terms = [entry.term for entry in template(addon)]
    assert len(terms) > 50
    translated = [entry.term for entry in catalog(addon, language) if entry.translation]
    assert sorted(translated) == sorted(terms)
    assert [term for term, count in Counter(terms).items() if count > 1] == []


@each_language
@each_addon
def test_a_translation_stands_where_its_term_stands(addon: Path, language: str) -> None:
    places = {entry.term: set(entry.places) for entry in template(addon)}
    others = {entry.term: set(entry.places) for entry in catalog(addon, language)}
    assert {term: found ^ others[term] for term, found in places.items() if found != others[term]} == {}


@each_addon
def test_a_field_of_a_record_has_one_text(addon: Path) -> None:
    """Odoo takes the last of several, which may be an old one."""
    texts = Counter(
        place for entry in template(addon) for place in entry.places if place.startswith("model:")
    )
    assert [place for place, count in texts.items() if count > 1] == []


@each_language
@each_addon
def test_a_translation_has_the_placeholders_and_expressions_of_its_term(addon: Path, language: str) -> None:
    assert [
        entry.term for entry in catalog(addon, language) if _parts(entry.term) != _parts(entry.translation)
    ] == []


@pytest.mark.parametrize(
    ("term", "translation"),
    [
        ("%s of %s", "%s sur"),
        ("%(count)d users", "%(nombre)d utilisateurs"),
        ("100 %%", "100 %"),
        ("{{ object.name }} is ready", "{{ object.nom }} est prête"),
        ('<t t-if="paid">Yes</t>', '<t t-if="unpaid">Oui</t>'),
    ],
)
def test_a_lost_or_changed_placeholder_is_noticed(term: str, translation: str) -> None:
    assert _parts(term) != _parts(translation)


@each_language
@each_addon
def test_no_sentence_stayed_in_english(addon: Path, language: str) -> None:
    assert [
        entry.term for entry in catalog(addon, language) if _is_english(entry) and _WORDS.search(entry.term)
    ] == []


@each_language
def test_a_term_has_the_same_translation_in_every_addon(language: str) -> None:
    found: dict[str, set[str]] = {}
    for addon in ADDONS:
        for entry in catalog(addon, language):
            found.setdefault(entry.term, set()).add(entry.translation)
    assert {term: said for term, said in found.items() if len(said) > 1 and term not in _TWO_SENSES} == {}


@each_language
@each_addon
def test_a_thing_has_one_name(addon: Path, language: str) -> None:
    """Who reads two words for a mail looks for two things."""
    others = re.compile(_OTHER_WORDS[language])
    texts = [(entry.term, _EXPRESSION.sub("", entry.translation)) for entry in catalog(addon, language)]
    assert [term for term, text in texts if others.search(text)] == []


def _is_english(entry: Entry) -> bool:
    return entry.translation == entry.term


def _parts(text: str) -> Counter[str]:
    return Counter([*_PLACEHOLDER.findall(text), *_EXPRESSION.findall(text)])


@each_addon
def test_the_mails_in_the_catalog_are_those_of_today(addon: Path) -> None:
    """Odoo replaces the whole text of a mail, also by the translation of an older one."""
    data = "".join(file.read_text(encoding="utf-8") for file in sorted(addon.glob("data/*.xml")))
    bodies = [
        entry.term
        for entry in template(addon)
        if any("mail.template,body_html:" in place for place in entry.places)
    ]
    if addon.name == "saas_manager":
        assert len(bodies) > 10
    assert [body for body in bodies if body.strip() not in data] == []
