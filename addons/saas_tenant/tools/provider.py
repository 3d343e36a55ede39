"""What this server was told by the provider: its configuration file, which no tenant can reach."""

import configparser
import functools
import importlib

from odoo.tools import config


@functools.cache
def public_key():
    """What verifies the provider's signatures; "" where nobody provides: then nothing is limited."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(config["config"])
    return parser.get("tenantry", "public_key", fallback="")


def entitled_since(database):
    """The serial of the entitlements in force, if the server's router knows it; else None."""
    if "saas_router" not in config["server_wide_modules"]:
        return None
    return importlib.import_module("odoo.addons.saas_router.patches").catalog().entitled_since(database)
