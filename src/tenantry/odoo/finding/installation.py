"""The Odoo that the engine runs: find it, and know its folders and its command."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tenantry.errors import OdooNotFound, TenantryError
from tenantry.odoo.finding.candidate import Candidate, Passed, Report, Search
from tenantry.odoo.finding.checkout import from_git, from_setting
from tenantry.odoo.finding.debian import from_debian
from tenantry.odoo.finding.installed import from_path, from_python
from tenantry.odoo.finding.release import read_release
from tenantry.odoo.finding.tested import REMEDY, untested
from tenantry.settings import ServerSettings

_logger = logging.getLogger(__name__)

Resolver = Callable[[Search], Candidate]

# In the order in which they are tried.
RESOLVERS: tuple[tuple[str, Resolver], ...] = (
    ("ODOO_SOURCE", from_setting),
    ("an importable odoo", from_python),
    ("odoo on PATH", from_path),
    ("Debian's package", from_debian),
    ("the official repository", from_git),
)


@dataclass(frozen=True)
class OdooInstallation:
    """One Odoo and the Python that runs it.

    version: the version of its Debian package, else the version in Odoo's code.
    source: the folder that contains the `odoo` package.
    addons: all folders of core addons.
    reason: why this one was chosen, as text for people.
    libraries: folders of more Python packages. variables: more environment variables; may contain secrets.
    """

    series: str
    version: str
    python: Path
    source: Path
    program: Path
    addons: tuple[Path, ...]
    reason: str
    libraries: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def command(self, *arguments: str | Path) -> list[str]:
        """The arguments that run Odoo; run them with its `environment`."""
        return [str(self.python), str(self.program), *map(str, arguments)]

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join(str(folder) for folder in (self.source, *self.libraries))
        return {**self.variables, "PYTHONPATH": path}

    def find_module(self, name: str, extra: Sequence[Path] = ()) -> Path | None:
        """The module's folder, in the core addons or in `extra`, in Odoo's own order."""
        folders = (addons / name for addons in (*self.addons, *extra))
        return next((folder for folder in folders if (folder / "__manifest__.py").is_file()), None)


def find_odoo(
    settings: ServerSettings,
    report: Report,
    *,
    install: bool = True,
    resolvers: Sequence[tuple[str, Resolver]] = RESOLVERS,
) -> OdooInstallation:
    """Try the resolvers in order; report in one line what was found, and what failed.

    If ODOO_SOURCE is set, no other resolver is tried. With `install` false nothing is downloaded or built.
    Raises OdooNotFound with all reasons.
    """
    search = Search(settings, report, install)
    reasons = []
    for name, resolve in resolvers[:1] if settings.odoo_source else resolvers:
        try:
            odoo = _installation(resolve(search), settings.odoo_series)
        except (Passed, TenantryError, OSError) as error:
            reasons.append(f"{name}: {str(error).rstrip('.')}")
            if isinstance(error, Passed):  # there is nothing wrong: the next one is tried
                _logger.info("Odoo: not %s", reasons[-1])
            else:
                report(f"Odoo: not {reasons[-1]}")
        else:
            report(f"Odoo {odoo.version}: {odoo.reason}, {odoo.source}")
            _warn(odoo, report)
            return odoo
    raise OdooNotFound(settings.odoo_series, reasons)


def _installation(candidate: Candidate, series: str) -> OdooInstallation:
    release = read_release(candidate.source)
    if release.series != series:
        raise Passed(f"{candidate.source} is Odoo {release.series}")
    return OdooInstallation(
        series=release.series,
        version=candidate.version or release.version,
        python=candidate.python,
        source=candidate.source,
        program=candidate.program,
        addons=_core_addons(candidate.source),
        reason=candidate.reason,
    )


def _warn(odoo: OdooInstallation, report: Report) -> None:
    warning = untested(odoo.series, odoo.version)
    if warning:
        report(f"Warning: Odoo {warning}. {REMEDY}")


def _core_addons(source: Path) -> tuple[Path, ...]:
    """The folders of core addons. Debian's package has `addons`, too, but only with remains of addons."""
    folders = [source / "odoo" / "addons"]
    if (source / "odoo-bin").is_file():
        folders.append(source / "addons")
    return tuple(folder for folder in folders if folder.is_dir())
