"""The two services of an instance's project, PostgreSQL and Odoo: their names, variables and commands."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from tenantry.model.instance import InstanceSpec
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret, random_password
from tenantry.odoo.config import demo_options
from tenantry.odoo.probe import LOGIN_PATH

POSTGRES = "postgres"
"""The name of its service; Odoo's is called like the instance, which makes the domain of it."""
ODOO_PORT = 8069
POSTGRES_MOUNT, ODOO_MOUNT = "/var/lib/postgresql/data", "/var/lib/odoo"
WISHES = "TENANTRY_WISHES"
_PROGRAM = "TENANTRY_START"
_PASSWORD = "POSTGRES_PASSWORD"
_USER = "odoo"
"""In PostgreSQL, where Odoo refuses to be `postgres`, and in the image."""
_FIRST_PAGE_WITHIN_S = 1800
"""The first start installs the modules before it answers."""


def postgres_variables(database: str, present: Mapping[str, str]) -> dict[str, str]:
    """present: the service's variables; a password that is there stays."""
    return {
        "POSTGRES_DB": database,
        "POSTGRES_USER": _USER,
        _PASSWORD: present.get(_PASSWORD) or random_password().reveal(),
        "POSTGRES_INITDB_ARGS": "--encoding=UTF8 --lc-collate=C",
        # The volume itself has a folder `lost+found`, which initdb refuses.
        "PGDATA": f"{POSTGRES_MOUNT}/pgdata",
    }


def odoo_variables(wishes: Mapping[str, Any]) -> dict[str, str]:
    """wishes: see `wishes_of`."""
    return {
        "PGHOST": f"${{{{{POSTGRES}.RAILWAY_PRIVATE_DOMAIN}}}}",
        "PGPORT": "5432",
        "PGUSER": _USER,
        "PGPASSWORD": f"${{{{{POSTGRES}.{_PASSWORD}}}}}",
        # The volume is root's; the program gives it to the image's user, and becomes that user.
        "RAILWAY_RUN_UID": "0",
        _PROGRAM: (resources.files("tenantry.railway") / "start.py").read_text(encoding="utf-8"),
        WISHES: base64.b64encode(json.dumps(wishes).encode()).decode(),
    }


def wishes_of(spec: InstanceSpec, recipe: Recipe, series: str, password: Secret, url: str) -> dict[str, Any]:
    """What `railway/start.py` makes of an empty database."""
    demo = demo_options(series, demo=recipe.demo)
    return {
        "database": spec.name,
        "user": _USER,
        "data_dir": ODOO_MOUNT,
        "port": ODOO_PORT,
        "url": url,
        "modules": list(recipe.modules),
        "languages": list(dict.fromkeys(filter(None, [*recipe.languages, spec.language, "en_US"]))),
        "options": _demo_arguments(demo),
        "login": spec.email,
        "password": password.reveal(),
        "name": spec.administrator,
        "company": spec.company_name,
        "country": spec.country or recipe.country,
        "timezone": spec.local_timezone,
        "language": spec.language,
    }


def _demo_arguments(options: Mapping[str, str]) -> list[str]:
    if options.get("with_demo") == "True":
        return ["--with-demo"]
    return ["--without-demo=all"] if "without_demo" in options else []


def wishes_in(variables: Mapping[str, str]) -> dict[str, Any]:
    """The wishes in an Odoo service's variables; {} if there are none that can be read."""
    try:
        found = json.loads(base64.b64decode(variables.get(WISHES, ""), validate=True))
    except (ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def postgres_settings(image: str) -> dict[str, Any]:
    """The service's settings, as Railway's ServiceInstanceUpdateInput has them."""
    return {"source": {"image": image}, "restartPolicyType": "ALWAYS"}


def odoo_settings(image: str) -> dict[str, Any]:
    """The same of Odoo's service. It counts as deployed when its first page answers."""
    return {
        "source": {"image": image},
        "startCommand": f"python3 -c \"import os; exec(os.environ['{_PROGRAM}'])\"",
        "healthcheckPath": LOGIN_PATH,
        "healthcheckTimeout": _FIRST_PAGE_WITHIN_S,
        "restartPolicyType": "ALWAYS",
    }


def railway_limits(limits: Mapping[str, float]) -> dict[str, float]:
    """The plan's limits that Railway has, too, in its words."""
    found = {}
    if "memory_mb" in limits:
        found["memoryGB"] = limits["memory_mb"] / 1024
    if "cpus" in limits:
        found["vCPUs"] = limits["cpus"]
    return found
