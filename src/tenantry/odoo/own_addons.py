"""Our addons by role, tenant or master: a tenant does not see the back office, and cannot install it.

Each role has a folder of links to addons, so that a source tree and the wheel work in the same way.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from tenantry import agreed
from tenantry.settings import ServerSettings

TENANT, MASTER = "tenant", "master"
_AGREED = {"saas_agreed.py": Path(agreed.__file__).resolve()}
"""The one file of the engine that tenants' addons import; resolved: the master has our package by a link."""


def tenant_addons(settings: ServerSettings) -> Path:
    """The addons folder of the tenant servers and of the templates' builds."""
    return _folder_of_links(settings.run_dir / "addons" / "tenants", {**_ours(TENANT), **_AGREED})


def tenants_addons_path(settings: ServerSettings) -> tuple[Path, ...]:
    """The addons path of tenants: our folder, and the operator's folders."""
    return (tenant_addons(settings), *settings.addons_path)


def master_addons(settings: ServerSettings) -> Path:
    """The addons folder of the master."""
    return _folder_of_links(settings.run_dir / "addons" / "master", _ours(MASTER))


def _ours(role: str) -> dict[str, Path]:
    """Our addons of that role, by name."""
    return {manifest.parent.name: manifest.parent for manifest in shipped(role).glob("*/__manifest__.py")}


def _folder_of_links(folder: Path, wanted: Mapping[str, Path]) -> Path:
    """Make a folder that has these links and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for link in folder.iterdir():
        if link.is_symlink() and link.name not in wanted:
            link.unlink(missing_ok=True)
    for name, addon in wanted.items():
        link_to(folder / name, addon)
    return folder


def link_to(link: Path, target: Path) -> None:
    """Make a link, or change its target, without a moment in which it does not exist."""
    if link.is_symlink() and link.readlink() == target:
        return
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


def shipped(role: str) -> Path:
    """The folder of our addons of that role: in the package, or in the source tree."""
    packaged = Path(str(resources.files("tenantry"))) / "addons"
    return (packaged if packaged.is_dir() else Path(__file__).resolve().parents[3] / "addons") / role
