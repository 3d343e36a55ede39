"""The input of a resolver of Odoo, and its result: a candidate, or a reason for offering none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tenantry.errors import DependencyFailure
from tenantry.process import run
from tenantry.settings import ServerSettings

Report = Callable[[str], None]

# Some of Odoo's requirements that other programs rarely install: a Python with these can run Odoo.
_REQUIRED_IMPORTS = "import psycopg2, lxml.etree, werkzeug, babel, PIL"


class Passed(Exception):
    """A resolver's reason for offering nothing, in one line."""


@dataclass(frozen=True)
class Search:
    """One search for Odoo; with `install` false nothing is downloaded or built."""

    settings: ServerSettings
    report: Report
    install: bool = True

    @property
    def series(self) -> str:
        return self.settings.odoo_series

    @property
    def home(self) -> Path:
        """The folder of the Odoos that this engine fetched."""
        return self.settings.installation.cache / "odoo"


@dataclass(frozen=True)
class Candidate:
    """An Odoo that could be used; `source` holds the `odoo` package.

    version: the version of its Debian package; "" if it is not from a package.
    """

    python: Path
    source: Path
    program: Path
    reason: str
    version: str = ""

    @property
    def environment(self) -> Mapping[str, str]:
        return {"PYTHONPATH": str(self.source)}


def runs_odoo(python: Path) -> bool:
    """Whether this Python has Odoo's requirements. It takes some 0.2 s."""
    try:
        run([python, "-c", _REQUIRED_IMPORTS], timeout_s=60, cwd=Path("/"))
    except (DependencyFailure, OSError):
        return False
    return True
