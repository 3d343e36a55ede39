"""Reasons in the reader's language.

A reason is kept as a text: the engine's are in English, ours in the language of whoever caused them. Our
usual ones are known here, the engine's in the gateway. So a kept one is recognized, in whichever language,
and shown in another.
"""

import functools
import re

from odoo.tools.translate import LazyTranslate

from . import gateway

_lt = LazyTranslate(__name__)

_KNOWN = (
    _lt("The payment is overdue."),
    _lt("The subscription was cancelled."),
    _lt("The subscription ended on %s."),
    _lt("An unexpected error; see the job."),
    _lt("Its job was lost: found dead, or taken out by hand."),
    _lt("Its recipe changed."),
    _lt("its recipe changed"),
    _lt("the code of Odoo or of the addons changed"),
)
_MOST_CHARACTERS = 2000
"""Of a reason that is looked at: it may have a program's output."""


def in_words_of(env, reason):
    """The reason in the environment's language; as it is, if it is none of those that are known."""
    if not reason or len(reason) > _MOST_CHARACTERS:
        return reason
    for lang in ("en_US", *(code for code, _name in env["res.lang"].get_installed() if code != "en_US")):
        for words in _KNOWN:
            if found := _pattern(words._translate(lang)).fullmatch(reason):
                return words._translate(env.lang or "en_US").replace("%s", "".join(found.groups()))
        if told := gateway.retold(reason, lang, env.lang or "en_US"):
            return told
    return reason


@functools.lru_cache(maxsize=1000)
def _pattern(words):
    """Matches the words with any fact."""
    return re.compile("(.+?)".join(map(re.escape, words.split("%s"))), re.DOTALL)
