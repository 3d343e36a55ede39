"""Reasons in the reader's language.

A reason is kept as a text: the engine's are in English, ours in the language of whoever caused them. The
usual ones are known here. So a kept one is recognized, in whichever language, and shown in another.
"""

import functools
import re

from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

_OURS = (
    (_lt("The payment is overdue."),),
    (_lt("The subscription was cancelled."),),
    (_lt("The subscription ended on %s."),),
    (_lt("An unexpected error; see the job."),),
    (_lt("Its job was lost: found dead, or taken out by hand."),),
    (_lt("Its recipe changed."),),
)
ENGINES = (
    (_lt("its recipe changed"),),
    (_lt("the code of Odoo or of the addons changed"),),
    (_lt("The tenant server does not answer."),),
    (_lt("Another operation is working on %s."), _lt("Wait for it to end, then try again.")),
    (
        _lt("PostgreSQL at %(address)s does not answer: %(reason)s."),
        _lt("Check that it runs (`tenantry up`) and that TENANTRY_PG_DSN is right."),
    ),
    (
        _lt("%(url)s did not answer %(expected)s within %(seconds)s s; last: %(answer)s."),
        _lt("Check that the tenant server runs (`tenantry up`) and read its log."),
    ),
    (
        _lt("The connection to the engine's agent was lost: %(reason)s."),
        _lt("Run it again; it continues where it stopped. `tenantry up` starts missing servers."),
    ),
    (_lt("There is no instance %s."), _lt("See `tenantry instance list`.")),
    (_lt("The name %s is taken."), _lt("Choose another name.")),
    (
        _lt("Odoo did not initialise %(database)s within %(seconds)s s."),
        _lt("Raise TENANTRY_INIT_TIMEOUT_S; Odoo's log is %(log)s."),
    ),
    (_lt("Odoo could not initialise %(database)s: %(reason)s."), _lt("Read Odoo's log, %(log)s.")),
    (_lt("Odoo did not install %(modules)s."), _lt("Read Odoo's log, %(log)s.")),
)
"""Sentences and remedies of the engine's errors, as `gateway.sentence` joins them, and its other reasons."""
_FACT = re.compile(r"%\((\w+)\)s|%s")
_MOST_CHARACTERS = 2000
"""Of a reason that is looked at: it may have a program's output."""


def in_words_of(env, reason):
    """The reason in the environment's language; as it is, if it is none of those that are known."""
    if not reason or len(reason) > _MOST_CHARACTERS:
        return reason
    for lang in ("en_US", *(code for code, _name in env["res.lang"].get_installed() if code != "en_US")):
        for row in (*_OURS, *ENGINES):
            if found := _pattern(_words(row, lang)).fullmatch(reason):
                return _FACT.sub(lambda fact: found[fact[1] or "it"], _words(row, env.lang or "en_US"))
    return reason


def _words(row, lang):
    return " ".join(part._translate(lang) for part in row)


@functools.lru_cache(maxsize=1000)
def _pattern(words):
    """Matches the words with any facts."""
    texts = _FACT.split(words)[::2]
    facts = (f"(?P<{fact[1] or 'it'}>.+?)" for fact in _FACT.finditer(words))
    return re.compile("".join(re.escape(text) + next(facts, "") for text in texts), re.DOTALL)
