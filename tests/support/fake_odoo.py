"""An Odoo that is only found, never run."""

from __future__ import annotations

from pathlib import Path

from tenantry.odoo.finding.installation import OdooInstallation


def fake_odoo(folder: Path, *modules: str) -> OdooInstallation:
    """One with these modules among its addons."""
    for module in modules:
        (folder / "addons" / module).mkdir(parents=True, exist_ok=True)
        (folder / "addons" / module / "__manifest__.py").touch()
    python, program = folder / "python", folder / "odoo-bin"
    return OdooInstallation("19.0", "19.0", python, folder, program, (folder / "addons",), "made for a test")
