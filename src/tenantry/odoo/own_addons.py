"""Our addons by role: a tenant cannot install the back office, which it does not see.

Each role has a folder of links, so that it is the same from a source tree and from the wheel.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from tenantry import agreed
from tenantry.settings import ServerSettings

TENANT, MASTER = "tenant", "master"
_AGREED = {"saas_agreed.py": Path(agreed.__file__)}
"""The one file of the engine that tenants' addons import."""


def tenant_addons(settings: ServerSettings) -> Path:
    """The addons folder of the tenant servers and of the templates' builds."""
    return _folder_of_links(settings.run_dir / "addons" / "tenants", {**_ours(TENANT), **_AGREED})


def tenants_addons_path(settings: ServerSettings) -> tuple[Path, ...]:
    """That folder, and the operator's."""
    return (tenant_addons(settings), *settings.addons_path)


def master_addons(settings: ServerSettings) -> Path:
    """The addons folder of the master."""
    return _folder_of_links(settings.run_dir / "addons" / "master", _ours(MASTER))


def _ours(role: str) -> dict[str, Path]:
    """Our addons of that role, by name."""
    return {manifest.parent.name: manifest.parent for manifest in shipped(role).glob("*/__manifest__.py")}


def _folder_of_links(folder: Path, wanted: Mapping[str, Path]) -> Path:
    """Make the folder hold these links, and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for link in folder.iterdir():
        if link.is_symlink() and link.name not in wanted:
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


def shipped(role: str) -> Path:
    """Our addons of that role: packaged with us, or of the source tree."""
    packaged = Path(str(resources.files("tenantry"))) / "addons"
    return (packaged if packaged.is_dir() else Path(__file__).resolve().parents[3] / "addons") / role
