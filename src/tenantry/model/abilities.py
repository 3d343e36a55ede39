"""What each runtime can do with its instances: the one table that screens, API and command line ask.

The engine refuses the rest itself, with its own errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tenantry.model.operations import OPERATIONS


class Ability(StrEnum):
    """What a runtime can do besides the operations of `model.operations`.

    TEMPLATES: it builds templates and clones them; else an instance's Odoo installs the recipe itself.
    LOG_IN: links that log in, and new passwords. ENTITLE: a plan's limits are enforced, and can change.
    MEASURE: users, storage, processes and the machine are known. SLEEP: instances without visitors sleep.
    MAIL: instances send by the operator's mail server. PAGES: visitors of addresses that are not served get a
    page of ours.
    """

    TEMPLATES = "templates"
    LOG_IN = "log_in"
    ENTITLE = "entitle"
    MEASURE = "measure"
    SLEEP = "sleep"
    MAIL = "mail"
    PAGES = "pages"


_LACKS: Mapping[str, frozenset[str]] = MappingProxyType(
    {"railway": frozenset({*OPERATIONS, *Ability} - {"terminate"})}
)
"""By runtime: the operations and abilities that it lacks."""


def can(runtime: str, what: str) -> bool:
    """Whether a runtime has an operation or an ability."""
    return what not in _LACKS.get(runtime, ())


def runtimes_without(what: str) -> list[str]:
    return [runtime for runtime, lacks in _LACKS.items() if what in lacks]
