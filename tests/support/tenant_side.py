"""Load modules of the tenants' addons that do not need Odoo."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from tenantry import agreed

ADDONS = Path(__file__).parents[2] / "addons" / "tenant"


def load(name: str) -> ModuleType:
    """name: such as `saas_tenant.tools.signed`. It can import `odoo.addons.saas_agreed`."""
    for package in ("odoo", "odoo.addons"):
        sys.modules.setdefault(package, ModuleType(package))
    sys.modules["odoo.addons.saas_agreed"] = agreed
    folder, parent = ADDONS, "odoo.addons"
    for part in name.split(".")[:-1]:
        folder, parent = folder / part, f"{parent}.{part}"
        package = sys.modules.setdefault(parent, ModuleType(parent))
        package.__path__ = [str(folder)]
    return importlib.import_module(f"odoo.addons.{name}")
