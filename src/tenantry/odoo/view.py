"""What Odoo's process must see of the machine: its code and its Python, not its data."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.sandbox import linked_targets, python_folders

_DEBIAN = Path("usr/lib/python3/dist-packages")
MIRRORING_PROGRAM = "rtlcss"
SOMEBODY = {"HOME": "/tmp", "LOGNAME": "odoo", "USER": "odoo"}
"""A user id without an entry in passwd has neither a home nor a name."""
_PROGRAMS = ("wkhtmltopdf", "wkhtmltoimage", MIRRORING_PROGRAM, "node")


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
    """The programs Odoo starts, each with what it is installed with: a folder of `/opt`, or of npm's."""
    found = [Path(program) for program in map(shutil.which, _PROGRAMS) if program]
    real = [program.resolve() for program in found]
    opt = {Path(*program.parts[:3]) for program in real if program.is_relative_to("/opt")}
    npm = {folder for program in real for folder in program.parents if folder.name == "node_modules"}
    return [*found, *sorted(opt | npm)]
