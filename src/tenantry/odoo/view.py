"""The files that an Odoo process must see: its code and its Python, without its data."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.sandbox import linked_targets, python_folders

_DEBIAN = Path("usr/lib/python3/dist-packages")
MIRRORING_PROGRAM = "rtlcss"
USER_VARIABLES = {"HOME": "/tmp", "LOGNAME": "odoo", "USER": "odoo"}
"""The environment of a user id without an entry in passwd, which has no home and no name."""
_PROGRAMS = ("wkhtmltopdf", "wkhtmltoimage", MIRRORING_PROGRAM, "node")


def odoo_folders(odoo: OdooInstallation, addons: Sequence[Path]) -> tuple[Path, ...]:
    """The folders and files that this Odoo reads with these addons. It runs the interpreter to find its own.

    addons: the folders of further addons; the result includes the targets of links in them.
    """
    folders = (*odoo.libraries, *odoo.addons, *addons)
    targets = [target for folder in folders for target in linked_targets(folder)]
    return (*python_folders(odoo.python), _root(odoo.source), odoo.program, *folders, *targets, *_programs())


def _root(source: Path) -> Path:
    """The source folder; for Debian's package all of `usr`, since its addons have links to `usr/share`."""
    return source.parents[2] if source.parts[-4:] == _DEBIAN.parts else source


def _programs() -> list[Path]:
    """The programs that Odoo starts, each with its installation's folder in `/opt` or of npm."""
    found = [Path(program) for program in map(shutil.which, _PROGRAMS) if program]
    real = [program.resolve() for program in found]
    opt = {Path(*program.parts[:3]) for program in real if program.is_relative_to("/opt")}
    npm = {folder for program in real for folder in program.parents if folder.name == "node_modules"}
    return [*found, *sorted(opt | npm)]
