"""Our addons by role: a tenant cannot install the back office, which it does not see.

Each role has a folder of links, so that it is the same from a source tree and from the wheel.
"""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from tenantry.settings import ServerSettings

TENANT_MODULE = "saas_tenant"
"""Installed in every template."""
_TENANTS = ("saas_process", TENANT_MODULE)
_MASTER = ("saas_manager*",)


def tenant_addons(settings: ServerSettings) -> Path:
    """The addons folder of the tenant servers and of the templates' builds."""
    return _folder_of_links(settings.run_dir / "addons" / "tenants", _TENANTS)


def master_addons(settings: ServerSettings) -> Path:
    """The addons folder of the master."""
    return _folder_of_links(settings.run_dir / "addons" / "master", _MASTER)


def _folder_of_links(folder: Path, patterns: tuple[str, ...]) -> Path:
    """Make the folder hold a link to each of our addons that match, and nothing else."""
    wanted = {addon.name: addon for pattern in patterns for addon in shipped().glob(pattern)}
    folder.mkdir(parents=True, exist_ok=True)
    for link in folder.iterdir():
        if link.name not in wanted:
            link.unlink(missing_ok=True)
    for name, addon in wanted.items():
        link_to(folder / name, addon)
    return folder


def link_to(link: Path, target: Path) -> None:
    """Make the link, or turn it to where it must lead; it is there at every moment."""
    if link.is_symlink() and link.readlink() == target:
        return
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


def shipped() -> Path:
    """All our addons: packaged with us, or of the source tree."""
    packaged = Path(str(resources.files("tenantry"))) / "addons"
    return packaged if (packaged / TENANT_MODULE).is_dir() else Path(__file__).resolve().parents[3] / "addons"
