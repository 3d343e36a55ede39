"""The digest of the addons that a template is built from, which tells whether their code changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tenantry.odoo.finding.installation import OdooInstallation

_CODE = {".py", ".xml", ".csv", ".js", ".scss", ".css", ".po", ".sql"}


def addons_digest(odoo: OdooInstallation, addons_path: Sequence[Path]) -> str:
    """A short digest of Odoo's version and of every code file on the operator's own addons path.

    Odoo's own addons are not read: they change with its version.
    """
    digest = hashlib.sha256(odoo.version.encode())
    for folder in addons_path:
        for file in sorted(path for path in folder.rglob("*") if path.suffix in _CODE):
            digest.update(str(file.relative_to(folder)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
