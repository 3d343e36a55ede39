"""The errors of the engine can be told in each language of the back office."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from tests.support.catalog import LANGUAGES, catalog, template
from tests.support.pages import ROOT

from tenantry import errors
from tenantry.errors import TenantryError, Words
from tenantry.model import names
from tenantry.model.catalog import State
from tenantry.model.states import Action

ADDON = ROOT / "addons" / "master" / "saas_manager"
SOURCES = [
    *(
        ROOT / "src" / "tenantry" / part
        for part in ("model", "engine", "operations", "postgres", "railway", "runtimes")
    ),
    ADDON / "gateway",
]
ARGUMENTS_OF_WORDS = {
    "InvalidName": (1,),
    "InvalidValue": (0, 2),
    "InvalidRecipe": (1,),
    "ClusterTaken": (2,),
    "Tampered": (1,),
    "NotYet": (0, 1),
    "turn": (1, 2),
    "exclusive": (1,),
    "shared": (1,),
    "Check.of": (0,),
    "_Check": (0,),
}
"""Which arguments are words: of an error, or of a lock that raises it; and of a check its subject."""
_FACT = re.compile(r"\{\w*(?:\.\w+)?(?:![rs])?(?::[^}]*)?\}")
_NAMED = re.compile(r"\{(\w+(?:\.\w+)?(?:![rs])?)")


def causes() -> list[type[TenantryError]]:
    found = [it for it in vars(errors).values() if isinstance(it, type) and issubclass(it, TenantryError)]
    families = {TenantryError, *TenantryError.__subclasses__()} - {errors.Interrupted}
    return [it for it in found if it not in families]


def templates(kind: type[TenantryError]) -> list[str]:
    return [it for words in (kind.SENTENCE, *kind.remedies()) for it in choices(words) if it]


def choices(words: Words) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else words


@pytest.mark.parametrize("kind", causes(), ids=lambda kind: kind.__name__)
def test_each_cause_has_a_sentence_and_a_remedy_that_are_translated(kind: type[TenantryError]) -> None:
    assert kind.SENTENCE
    assert any(map(any, map(choices, kind.remedies()))) or kind is errors.Interrupted
    assert set(templates(kind)) <= terms()


def test_a_translation_has_the_facts_of_its_template() -> None:
    ours = set(chain.from_iterable(map(templates, causes()))) | set(phrases())
    for language in LANGUAGES:
        told = {entry.term: entry.translation for entry in catalog(ADDON, language)}
        assert [it for it in ours if sorted(_NAMED.findall(it)) != sorted(_NAMED.findall(told[it]))] == []
        assert [it for it in ours if told[it] == it and " " in _FACT.sub("", it).strip()] == []


def test_the_words_in_errors_are_translated() -> None:
    found = {*words_in_calls(), *names._REASONS.values(), *State, *Action}
    assert len(found) > 60
    known = [re.compile(".+".join(map(re.escape, _FACT.split(phrase)))) for phrase in phrases()]
    unknown = {it for it in found if it not in terms() and not any(row.fullmatch(it) for row in known)}
    assert unknown == set()


def terms() -> set[str]:
    return {entry.term for entry in template(ADDON)}


def phrases() -> list[str]:
    tree = ast.parse((ADDON / "gateway" / "sentences.py").read_text(encoding="utf-8"))
    found = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_PHRASES"
    )
    return list(ast.literal_eval(found))


def words_in_calls() -> Iterator[str]:
    for file in sorted(chain.from_iterable(source.rglob("*.py") for source in SOURCES)):
        yield from words_in(ast.parse(file.read_text(encoding="utf-8")))


def words_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).lower().endswith("expected"):
            yield from texts(node.value)
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            places = ARGUMENTS_OF_WORDS.get(name) or ARGUMENTS_OF_WORDS.get(name.rpartition(".")[2], ())
            for place in places:
                yield from chain.from_iterable(map(texts, node.args[place : place + 1]))


def texts(node: ast.AST) -> Iterator[str]:
    """The texts of an expression that is a text, or one of two; facts are called `it`."""
    if isinstance(node, ast.IfExp):
        yield from (*texts(node.body), *texts(node.orelse))
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else quoted(part) for part in node.values
        )
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def quoted(part: ast.AST) -> str:
    return "'it'" if isinstance(part, ast.FormattedValue) and part.conversion == ord("r") else "it"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (errors.NameTaken("acme"), "The name 'acme' is taken. Choose another name."),
        (
            errors.NameTaken("acme", ["acme-2", "acme-3"]),
            "The name 'acme' is taken. Choose another name, for example acme-2, acme-3.",
        ),
        (
            errors.InsufficientRights("engine", ["CREATEDB", "CREATEROLE"]),
            "The PostgreSQL role 'engine' lacks CREATEDB and CREATEROLE. "
            'As a superuser: ALTER ROLE "engine" CREATEDB CREATEROLE;',
        ),
        (
            errors.KeyLost(Path("/keys/sealing.key")),
            "The key /keys/sealing.key is missing or empty. Restore it from your backup of /keys.",
        ),
        (
            errors.NotYet("The creation of acme", "its turn", 2.4),
            "The creation of acme waits for its turn. Run it again in 2 s; it continues then.",
        ),
        (
            errors.TemplateNotFound("shop", unbuilt=["shop"]),
            "There is no template 'shop'. See `tenantry template list`. "
            "Build it with `tenantry template build shop`.",
        ),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, TenantryError) else "",
)
def test_an_error_fills_its_templates_with_its_facts(error: TenantryError, told: str) -> None:
    assert f"{error} {error.remedy}" == told


def test_a_template_and_words_are_translated_before_they_are_filled() -> None:
    french = {
        "{name!r} is {state}: it cannot {action}.": "{name!r} est {state} et ne peut pas {action}.",
        "stopped": "arrêtée",
        "be renamed": "être renommée",
    }
    error = errors.InvalidTransition("{state}", State.STOPPED, Action.RENAME)
    sentence, _remedy = error.told(lambda term: french.get(term, term))
    assert sentence == "'{state}' est arrêtée et ne peut pas être renommée."


def test_rows_are_joined_as_the_translation_says() -> None:
    error = errors.InsufficientRights("engine", ["CREATEDB", "CREATEROLE"])
    assert error.told(lambda term: term.replace(" and ", " et "))[0].endswith("CREATEDB et CREATEROLE.")
