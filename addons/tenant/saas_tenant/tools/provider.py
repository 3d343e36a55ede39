"""What this process was told by the provider; where nobody provides, nothing is limited."""

import importlib

from odoo.addons.saas_agreed import PROCESS_MODULE
from odoo.tools import config


def public_key():
    """What verifies the provider's signatures; "" where nobody provides."""
    told = _facts()
    return told.public_key() if told else ""


def identity():
    """What the provider's statements for this instance are bound to; a renaming keeps it."""
    told = _facts()
    return told.identity() if told else ""


def links_since():
    """Login links that were made before are void; 0: none is."""
    told = _facts()
    return told.links_since() if told else 0


def entitled_since():
    """The serial of the entitlements in force; None where nobody provides."""
    told = _facts()
    return told.entitled_since() if told else None


def seats():
    """How many internal users may log in; 0: any number."""
    told = _facts()
    # A process that was started before this was known tells nothing of it.
    return told.seats() if hasattr(told, "seats") else 0


def _facts():
    """What `saas_process` knows; None outside of a tenant's process, as in a build."""
    if PROCESS_MODULE not in config["server_wide_modules"]:
        return None
    return importlib.import_module(f"odoo.addons.{PROCESS_MODULE}.facts")
