"""What can be wrong with a field: the kinds of pydantic's errors, each with our own code and sentence."""

import re
from dataclasses import dataclass, field
from typing import Any

from odoo.addons.saas_manager.faults import CAPTION_SENTENCE, EMAIL_SENTENCE, SUBDOMAIN_SENTENCES
from odoo.tools.translate import LazyGettext, LazyTranslate

_lt = LazyTranslate(__name__)

_NOT_IN_EMAIL = r"@\s\x00-\x1f\x7f\x22<>;,\\"
EMAIL = rf"^[^{_NOT_IN_EMAIL}]+@[^{_NOT_IN_EMAIL}']+\.[^{_NOT_IN_EMAIL}'.]+$"
"""Valid in JavaScript, too. Invalid addresses that match are refused by the engine's rule."""
LINE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
SLUG = r"^[a-z0-9-]+$"
REFERENCE = r"^[A-Za-z0-9-]+$"
LANGUAGE = r"^[a-z]{2,3}(_[A-Z]{2}|_[0-9]{3})?(@[A-Za-z]+)?$"
COUNTRY = r"^[A-Za-z]{2}$"
HOSTNAME = r"^[^\s/:@\x00-\x1f\x7f]+$"
MODULE = r"^[a-z][a-z0-9_]*$"
TIME_ZONE = r"^[A-Za-z][A-Za-z0-9_+/-]*$"
TOKEN = r"^[A-Za-z0-9_=-]+$"

_FORMS = {
    EMAIL: EMAIL_SENTENCE,
    LINE: _lt("Please send one line of text."),
    SLUG: _lt("Please use only the letters a to z, digits and dashes."),
    REFERENCE: _lt("Please use only letters, digits and dashes."),
    LANGUAGE: _lt("Please send the code of a language, such as fr_FR."),
    COUNTRY: _lt("Please send the code of a country, such as FR."),
    HOSTNAME: _lt("Please send a host name, such as shop.acme.example."),
    MODULE: _lt("Please send the technical name of a module, such as crm."),
    TIME_ZONE: _lt("Please send the name of a time zone, such as Europe/Paris."),
    TOKEN: _lt("This link is incomplete."),
}
_NO_TEXT = ("INVALID_FORMAT", _lt("Please send text."))
_NO_NUMBER = ("INVALID_FORMAT", _lt("Please send a whole number."))
_NO_OBJECT = ("INVALID_FORMAT", _lt("Please send a JSON object."))
_EMPTY = ("INVALID_LENGTH", _lt("This must not be empty."))
_OTHER_FORM = _lt("This does not have the right form.")
_OTHER = ("VALIDATION_ERROR", _lt("This value cannot be used."))

SUBDOMAIN_CODES = {
    "too_short": "INVALID_LENGTH",
    "too_long": "INVALID_LENGTH",
    "upper_case": "INVALID_FORMAT",
    "characters": "INVALID_FORMAT",
    "digits": "INVALID_FORMAT",
    "reserved": "VALIDATION_ERROR",
    "taken": "SUBDOMAIN_TAKEN",
}
_KINDS = {
    "missing": ("MISSING_FIELDS", _lt("This is needed.")),
    "extra_forbidden": ("VALIDATION_ERROR", _lt("There is no such field.")),
    "string_type": _NO_TEXT,
    "string_unicode": _NO_TEXT,
    "string_too_short": ("INVALID_LENGTH", _lt("Please use at least %(min_length)s characters.")),
    "string_too_long": ("INVALID_LENGTH", _lt("Please use at most %(max_length)s characters.")),
    "int_type": _NO_NUMBER,
    "int_parsing": _NO_NUMBER,
    "int_from_float": _NO_NUMBER,
    "greater_than_equal": ("VALIDATION_ERROR", _lt("Please send %(ge)s or more.")),
    "less_than_equal": ("VALIDATION_ERROR", _lt("Please send %(le)s or less.")),
    "literal_error": ("VALIDATION_ERROR", _lt("Please send one of these: %(expected)s.")),
    "list_type": ("INVALID_FORMAT", _lt("Please send a list.")),
    "too_short": ("INVALID_LENGTH", _lt("Please send at least %(min_length)s.")),
    "too_long": ("INVALID_LENGTH", _lt("Please send at most %(max_length)s.")),
    "model_attributes_type": _NO_OBJECT,
    "model_type": _NO_OBJECT,
    "dict_type": _NO_OBJECT,
    "email": ("INVALID_FORMAT", EMAIL_SENTENCE),
    "caption": ("INVALID_FORMAT", CAPTION_SENTENCE),
    **{f"subdomain_{kind}": (code, SUBDOMAIN_SENTENCES[kind]) for kind, code in SUBDOMAIN_CODES.items()},
}
"""By the error type of pydantic, or of `schemas`."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field. facts: the values in the sentence."""

    code: str
    sentence: LazyGettext
    facts: dict[str, Any] = field(default_factory=dict)

    def told(self, language):
        return self.sentence._translate(language) % self.facts


def fault_of(found):
    """The `Fault` for one of pydantic's errors, which is a dictionary."""
    kind, facts = found["type"], dict(found.get("ctx") or {})
    if "expected" in facts:
        facts["expected"] = ", ".join(re.findall(r"'([^']*)'", str(facts["expected"])))
    code, sentence = _KINDS.get(kind, _OTHER)
    if kind == "string_pattern_mismatch":
        code, sentence = "INVALID_FORMAT", _FORMS.get(facts["pattern"], _OTHER_FORM)
    elif kind == "string_too_short" and facts["min_length"] == 1:
        code, sentence = _EMPTY
    if found["loc"][-1] == "action" and kind != "extra_forbidden":
        is_missing = kind == "missing" or found.get("input") is None
        code = "MISSING_ACTION" if is_missing else "UNKNOWN_ACTION"
    return Fault(code, sentence, facts)
