"""Odoo at work on one database, as a user who sees its code, its configuration and its own files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tenantry.odoo.view import odoo_folders
from tenantry.operations.context import Context
from tenantry.sandbox import View
from tenantry.spawner.identity import chown_folders


def view_of(context: Context, filestore: str, user: int | None, addons: Sequence[Path], config: Path) -> View:
    """What that Odoo sees. Its filestore is made, and its folders are the user's from here on."""
    folder = context.filestores.folder(filestore)
    folder.mkdir(parents=True, exist_ok=True)
    chown_folders(folder, user)
    return View((*odoo_folders(context.odoo(), addons), config), (folder,), user, hides_processes=True)
