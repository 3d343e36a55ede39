"""What can be wrong with a value that people and programs send: each kind of fault, and its sentence.

The back office, the API and the web pages use the same sentences. `%(...)s` is filled in by the caller.
"""

from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

SUBDOMAIN_SENTENCES = {
    "too_short": _lt("This cannot be a name: please use at least 3 characters."),
    "too_long": _lt("This cannot be a name: please use at most 50 characters."),
    "upper_case": _lt("This cannot be a name: please use only lower-case letters."),
    "characters": _lt(
        "This cannot be a name: please use only the letters a to z, digits, and single dashes between them."
    ),
    "digits": _lt("This cannot be a name: please use at least one letter."),
    "reserved": _lt("The subdomain %(name)s is taken: it is reserved."),
    "taken": _lt("The subdomain %(name)s is taken."),
}
"""By the engine's kinds (`NameFault`), and `taken`."""
EMAIL_SENTENCE = _lt("Please type an email address such as ann@company.com.")
CAPTION_SENTENCE = _lt("Please type a name only, without a web address.")
