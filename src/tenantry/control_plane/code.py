"""What the master's Odoo can import that no tenant's can: the queue of jobs, and the engine."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

from tenantry import wheels
from tenantry.errors import PackagesNotInstalled, PythonTooOld
from tenantry.odoo.finding.cachefolder import exclusive, work_folder
from tenantry.odoo.finding.candidate import Report
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.finding.python_environment import digest
from tenantry.odoo.own_addons import link_to
from tenantry.process import run
from tenantry.settings import ServerSettings
from tenantry.spawner.identity import master_user

OLDEST_PYTHON = (3, 11)
_TOLD = (
    *("TENANTRY_HOME", "TENANTRY_ODOO_SERIES", "TENANTRY_BASE_DOMAIN", "TENANTRY_PROTOCOL"),
    *("TENANTRY_RESERVED_NAMES", "TENANTRY_INSIDE_MASTER"),
)
"""What a back office that is a user of its own may know of the settings: nothing that opens anything."""
_TELL_PYTHON = "import sys; print(sys.implementation.cache_tag, *sys.version_info[:2])"


def master_odoo(settings: ServerSettings, odoo: OdooInstallation, report: Report) -> OdooInstallation:
    """The same Odoo as the master runs it: it sees more code, and knows whom to ask for the engine.

    Raises PythonTooOld, and ProgramFailed when the packages cannot be installed.
    """
    libraries = (master_packages(settings, odoo, report), _engine_folder(settings))
    variables = settings.replaced(inside_master=True).to_environment()
    if master_user() is not None:
        variables = {name: value for name, value in variables.items() if name in _TOLD}
        variables["TENANTRY_AGENT"] = str(settings.installation.agent_socket)
    return replace(odoo, libraries=libraries, variables=variables)


def queue_addons(odoo: OdooInstallation) -> tuple[Path, ...]:
    """The folders of OCA's addons among a master's packages."""
    folders = (library / "odoo" / "addons" for library in odoo.libraries)
    return tuple(folder for folder in folders if folder.is_dir())


def master_packages(
    settings: ServerSettings, odoo: OdooInstallation, report: Report, *, install: bool = True
) -> Path:
    """The folder of the shipped lock's packages for this Odoo's Python; filled when it is not there.

    Raises PythonTooOld, ProgramFailed, and PackagesNotInstalled with `install` false.
    """
    cache, lock = settings.installation.cache / "master", _read_lock()
    folder = cache / f"{_python_tag(odoo)}-{digest(lock)}"
    if not folder.is_dir():
        if not install:
            raise PackagesNotInstalled(folder)
        with exclusive(cache, report):
            if not folder.is_dir():
                _install(odoo, lock, folder, report)
    return folder


def _install(odoo: OdooInstallation, lock: str, folder: Path, report: Report) -> None:
    """Fill a folder beside and rename it: an interrupted attempt is never seen."""
    report(f"Odoo: installing {lock.count('==')} Python packages for the master")
    with work_folder(folder.parent) as work:
        target = work / "packages"
        wheels.install(odoo.python, lock, "--no-deps", "--target", target, timeout_s=900)
        target.rename(folder)


def _engine_folder(settings: ServerSettings) -> Path:
    """A folder with a link to this package: nothing else of our own environment leaks in."""
    folder = settings.run_dir / "python"
    folder.mkdir(parents=True, exist_ok=True)
    link_to(folder / "tenantry", Path(__file__).resolve().parents[1])
    return folder


def _python_tag(odoo: OdooInstallation) -> str:
    """Such as `cpython-311`: compiled packages fit one version of Python. Raises PythonTooOld."""
    tag, major, minor = run([odoo.python, "-c", _TELL_PYTHON]).split()
    if (int(major), int(minor)) < OLDEST_PYTHON:
        raise PythonTooOld(odoo.python, f"{major}.{minor}")
    return tag


def _read_lock() -> str:
    return (resources.files(__package__) / "requirements" / "master.lock").read_text(encoding="utf-8")
