#!/usr/bin/python3
"""The first program of the stand-in for the official Odoo image: the same variables, words and defaults.

As there, what neither the configuration nor libpq's own variables say of the database becomes arguments of
Odoo. So a password that is given by PASSWORD or PASSWORD_FILE stands in the container's list of processes.
"""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

DEFAULTS = {"HOST": "db", "PORT": "5432", "USER": "odoo", "PASSWORD": "odoo"}


def database_arguments() -> list[str]:
    values = {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    if "PASSWORD_FILE" in os.environ:
        values["PASSWORD"] = Path(os.environ["PASSWORD_FILE"]).read_text(encoding="utf-8").rstrip("\n")
    configuration = configparser.RawConfigParser()
    configuration.read(os.environ["ODOO_RC"])
    arguments = []
    for name, value in values.items():
        option = f"db_{name.lower()}"
        if f"PG{name}" not in os.environ and not configuration.has_option("options", option):
            arguments += [f"--{option}", value]
    return arguments


def main(words: list[str]) -> None:
    if words and not words[0].startswith("-") and words[0] != "odoo":
        os.execvp(words[0], words)
    rest = words[1:] if words[:1] in (["--"], ["odoo"]) else words
    if rest[:1] == ["scaffold"]:
        os.execvp("odoo", ["odoo", *rest])
    arguments = database_arguments()
    waited = subprocess.run(["wait-for-psql.py", *arguments, "--timeout=30"], check=False)
    if waited.returncode:
        sys.exit(waited.returncode)
    os.execvp("odoo", ["odoo", *rest, *arguments])


main(sys.argv[1:])
