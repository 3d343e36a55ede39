"""The `[tenantry]` section of the server's configuration file."""

import configparser
import functools
from dataclasses import dataclass
from pathlib import Path

from odoo.tools import config


@dataclass(frozen=True)
class RouterSettings:
    """base_domain: `acme.<base_domain>` is the database acme. key: that of instances' roles, and of no other.

    registries: how many to keep loaded.
    """

    base_domain: str
    key: str
    registries: int


@functools.cache
def router_settings():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(config["config"])
    section = parser["tenantry"]
    return RouterSettings(
        base_domain=section["base_domain"].lower(),
        key=Path(section["key_file"]).read_text(encoding="ascii").strip(),
        registries=section.getint("registries"),
    )
