"""Our own addons, as folders an Odoo's addons path can name: each server sees only those it may load."""

from __future__ import annotations

import contextlib
from importlib import resources
from pathlib import Path

from tenantry.settings import Settings

TENANT_MODULE = "saas_tenant"
"""Installed in every template."""


def tenant_addons(settings: Settings) -> Path:
    """The folder for tenant servers and builds: the router and the tenant's module, not the back office."""
    return _linked(settings.run_dir / "addons" / "tenants", "saas_router", TENANT_MODULE)


def source(module: str) -> Path:
    """Where a module of ours is: packaged with us, or in the source tree."""
    packaged = Path(str(resources.files("tenantry"))) / "addons" / module
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[3] / "addons" / module


def _linked(folder: Path, *modules: str) -> Path:
    """A folder of links to those modules; links that are right already stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for module in modules:
        link, target = folder / module, source(module)
        if not (link.is_symlink() and link.readlink() == target):
            link.unlink(missing_ok=True)
            with contextlib.suppress(FileExistsError):  # another process made it meanwhile
                link.symlink_to(target)
    return folder
