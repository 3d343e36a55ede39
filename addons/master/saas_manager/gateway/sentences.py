"""The engine's errors in the reader's language.

The terms in this addon's .po files are the engine's own templates, `SENTENCE` and `REMEDY` of its classes: so
their English stands in one place. A kept error is recognized by them, and told in another language.
"""

import functools
import itertools
import re
from contextlib import suppress
from string import Formatter

from odoo.tools.translate import LazyTranslate

from tenantry import errors

_lt = LazyTranslate(__name__)

OTHER_VERSION = "It runs Tenantry {there}, and this is {here}: upgrade the older one."
OTHER_WIRE = "Its Tenantry {there} and this one do not understand each other: upgrade the older one."
OTHER_SERVER = "The server {there} answers there, not {wanted}: its address or its ssh command is wrong."
OTHER_SERIES = "It runs Odoo {there}: choose this series in its form."
OTHER_TEMPLATES = "Its templates {templates} are not of Odoo {series}: choose this series in their forms."
NO_RUNTIME = "This runtime is not supported yet."
NO_PAGE = "It does not answer at its address."
NOT_LOADED = "Its Odoo cannot be loaded; the log of its process tells why."
_FAULTS = (
    *(OTHER_VERSION, OTHER_WIRE, OTHER_SERVER, OTHER_SERIES, OTHER_TEMPLATES),
    *(NO_RUNTIME, NO_PAGE, NOT_LOADED),
)
"""What is wrong with a server or an instance: kept as errors are."""
_PHRASES = (
    "0 for the server's default, or {least} to {most}",
    "a name outside of {base_domain}",
    "a number from 1 to {most}, such as 587",
    "a whole number, {most} at most",
    "at most {most} characters",
    "at most {most} characters, for the front's sake",
    "at most {most} visible characters without a web address",
    "it is longer than {most} characters",
    "it is shorter than {least} characters",
    "one of {known}",
    "one the template has: {languages}",
    "provider's {field}",
    "unknown key {keys}",
    "{key} must be a list",
    "{key} must be a {kind}",
    "{names}: not a plain table",
    "{value!r} in {field}",
    "build of {code}",
    "database {name}",
    "instance {name}",
    "template {code}",
    "{queue}: the line",
    "the rows of {name}",
    "The creation of {name}",
    "The termination of {name}",
    "The server {name}",
    "The template {code}",
)
"""The facts of errors that are the engine's words with facts of their own."""


def sentence(error, lang=""):
    """What went wrong and how to remedy it, as one text for people. Without a language: as it is kept."""
    told = (str(error), error.remedy)
    with suppress(AttributeError):  # An agent of another version did not send all facts.
        told = error.told(functools.partial(_in, lang)) if lang else told
    return " ".join(told).strip()


def retold(text, lang, other):
    """An error or a fault that is kept in one language, in another one; "" if it is none."""
    for words, parts in _rows():
        if found := _pattern(parts, lang).fullmatch(text):
            facts = {
                fact: _in(other, told) if fact in words else told for fact, told in found.groupdict().items()
            }
            return " ".join(_filled(_in(other, part), facts) for part in parts)
    return ""


def word(term, lang):
    """One of the engine's words in a language."""
    return _term(lang, term)


def _in(lang, words):
    """Templates, words and phrases of the engine's in a language."""
    told = _term(lang, words)
    if told == words and lang != "en_US":
        for phrase in _PHRASES:
            if found := _pattern((phrase,), "en_US").fullmatch(words):
                return _filled(_term(lang, phrase), found.groupdict())
    return told


def _term(lang, term):
    return _lt(term)._translate(lang or "en_US")


@functools.cache
def _rows():
    """The texts that are kept: which facts are words, and the templates one after the other.

    Those that say most stand first, since a fact could be the words of a template that says less.
    """
    told = [
        (kind.WORDS, tuple(filter(None, parts)))
        for kind in vars(errors).values()
        if getattr(kind, "SENTENCE", "")
        for parts in itertools.product(*map(_choices, (kind.SENTENCE, *kind.remedies())))
    ]
    rows = [*told, *(((), (fault,)) for fault in _FAULTS)]
    return sorted(rows, key=lambda row: -sum(len(piece[0]) for part in row[1] for piece in _pieces(part)))


def _choices(words):
    return (words,) if isinstance(words, str) else words


@functools.lru_cache(maxsize=4000)
def _pattern(parts, lang):
    """Matches the text with any facts."""
    pattern, seen = "", set()
    for text, fact, is_quoted in _pieces(" ".join(_term(lang, part) for part in parts)):
        any_fact = r"""(?:'.*?'|".*?")""" if is_quoted else ".+?"
        pattern += re.escape(text)
        if fact:
            pattern += f"(?P={fact})" if fact in seen else f"(?P<{fact}>{any_fact})"
        seen.add(fact)
    return re.compile(pattern, re.DOTALL)


def _filled(template, facts):
    return "".join(text + facts.get(fact, "") for text, fact, _is_quoted in _pieces(template))


def _pieces(template):
    """The template as rows: a text, the fact after it or "", whether that is quoted."""
    for text, field, _form, quote in Formatter().parse(template):
        fact = (field or "").replace(".", "_")
        yield text, f"{fact}_quoted" if quote else fact, bool(quote)
