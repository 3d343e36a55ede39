"""What a resolver of Odoo is asked, and what it answers: a candidate, or why it passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tenantry.errors import DependencyFailure
from tenantry.process import run
from tenantry.settings import ServerSettings

Report = Callable[[str], None]

# A few of Odoo's requirements that nothing else brings along: where these import, it runs.
_TELLING_IMPORTS = "import psycopg2, lxml.etree, werkzeug, babel, PIL"


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
        """Where this engine keeps the Odoos it fetched itself."""
        return self.settings.installation.cache / "odoo"


@dataclass(frozen=True)
class Candidate:
    """An Odoo that could be used; `source` holds the `odoo` package.

    version: of the Debian package it is from; "" where it is from none.
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
    """Whether this Python has Odoo's requirements. Costs some 0.2 s."""
    try:
        run([python, "-c", _TELLING_IMPORTS], timeout_s=60, cwd=Path("/"))
    except (DependencyFailure, OSError):
        return False
    return True
