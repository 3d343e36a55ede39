"""The provider's facts about this instance. Without a provider, as in a build, nothing is limited."""

import importlib

from odoo.addons.saas_agreed import PROCESS_MODULE
from odoo.tools import config


def public_key():
    """The key that verifies the provider's signatures; "" without a provider."""
    facts = _facts()
    return facts.public_key() if facts else ""


def identity():
    """The instance's identity, for which the provider signs statements; renaming keeps it."""
    facts = _facts()
    return facts.identity() if facts else ""


def links_since():
    """Login links that were made before this time are void; microseconds since 1970."""
    facts = _facts()
    return facts.links_since() if facts else 0


def entitled_since():
    """The serial of the entitlements in force; None without a provider."""
    facts = _facts()
    return facts.entitled_since() if facts else None


def seats():
    """The number of internal users who may log in; 0: unlimited."""
    facts = _facts()
    # A process that an older version started has no such function.
    return facts.seats() if hasattr(facts, "seats") else 0


def _facts():
    """The module `saas_process.facts`; None outside of a tenant's process, as in a build."""
    if PROCESS_MODULE not in config["server_wide_modules"]:
        return None
    return importlib.import_module(f"odoo.addons.{PROCESS_MODULE}.facts")
