"""What Odoo's process must see of the machine: its code and its Python, not its data."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tenantry.odoo.installation import OdooInstallation
from tenantry.sandbox import linked_targets, python_folders

_DEBIAN = Path("usr/lib/python3/dist-packages")
_PROGRAMS = ("wkhtmltopdf", "wkhtmltoimage")


def odoo_folders(odoo: OdooInstallation, addons: Sequence[Path]) -> tuple[Path, ...]:
    """What a process that runs this Odoo with these addons reads. Asks the interpreter.

    addons: the folders of further addons; the folders the links in them lead to are among the result.
    """
    folders = (*odoo.libraries, *odoo.addons, *addons)
    targets = [target for folder in folders for target in linked_targets(folder)]
    return (*python_folders(odoo.python), _root(odoo.source), odoo.program, *folders, *targets, *_programs())


def _root(source: Path) -> Path:
    """Of Debian's package all of its `usr`: links in its addons lead to fonts and scripts in `share`."""
    return source.parents[2] if source.parts[-4:] == _DEBIAN.parts else source


def _programs() -> list[Path]:
    """The programs Odoo starts, each with what it is installed with where that is a folder of `/opt`."""
    found = [Path(program) for program in map(shutil.which, _PROGRAMS) if program]
    opt = [program.resolve().parts[:3] for program in found if program.resolve().is_relative_to("/opt")]
    return [*found, *(Path(*parts) for parts in sorted(set(opt)))]
