#!/usr/bin/python3
"""Wait until PostgreSQL answers: what the configuration says, then the arguments, then libpq's variables."""

from __future__ import annotations

import argparse
import configparser
import os
import sys
import time

import psycopg2


def main() -> str:
    parser = argparse.ArgumentParser()
    for name in ("host", "port", "user", "password"):
        parser.add_argument(f"--db_{name}")
    parser.add_argument("--timeout", type=int, default=5)
    given = parser.parse_args()
    configuration = configparser.RawConfigParser()
    configuration.read(os.environ.get("ODOO_RC", ""))
    said = configuration["options"] if configuration.has_section("options") else {}
    place = {
        name: said.get(f"db_{name}") or getattr(given, f"db_{name}") or os.environ.get(f"PG{name.upper()}")
        for name in ("host", "port", "user", "password")
    }
    missing = [f"db_{name}" for name, value in place.items() if value is None]
    if missing:
        return f"not given: {', '.join(missing)}"
    deadline = time.monotonic() + given.timeout
    while True:
        try:
            psycopg2.connect(dbname="postgres", **place).close()
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                return f"PostgreSQL does not answer: {error}"
            time.sleep(0.2)
        else:
            return ""


sys.exit(main() or 0)
