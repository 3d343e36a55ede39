"""The code that only the master's Odoo can import, and tenants cannot: the job queue and the engine."""

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
_PUBLIC_SETTINGS = (
    *("TENANTRY_HOME", "TENANTRY_ODOO_SERIES", "TENANTRY_BASE_DOMAIN", "TENANTRY_PROTOCOL"),
    *("TENANTRY_RESERVED_NAMES", "TENANTRY_INSIDE_MASTER"),
)
"""The settings in the environment of a back office that runs as a user of its own: no secrets."""
_PRINT_PYTHON_TAG = "import sys; print(sys.implementation.cache_tag, *sys.version_info[:2])"


def master_odoo(settings: ServerSettings, odoo: OdooInstallation, report: Report) -> OdooInstallation:
    """The same Odoo for the master: with more code, and with the engine or the address of its agent.

    Raises PythonTooOld, and ProgramFailed when the packages cannot be installed.
    """
    libraries = (master_packages(settings, odoo, report), _engine_folder(settings))
    variables = settings.replaced(inside_master=True).to_environment()
    if master_user() is not None:
        variables = {name: value for name, value in variables.items() if name in _PUBLIC_SETTINGS}
        variables["TENANTRY_AGENT"] = str(settings.installation.agent_socket)
    return replace(odoo, libraries=libraries, variables=variables)


def queue_addons(odoo: OdooInstallation) -> tuple[Path, ...]:
    """The folders of OCA's addons among a master's packages."""
    folders = (library / "odoo" / "addons" for library in odoo.libraries)
    return tuple(folder for folder in folders if folder.is_dir())


def master_packages(
    settings: ServerSettings, odoo: OdooInstallation, report: Report, *, install: bool = True
) -> Path:
    """The folder of the shipped lock's packages for this Odoo's Python; installed if it does not exist.

    Raises PythonTooOld, ProgramFailed; with `install` false, PackagesNotInstalled if it does not exist.
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
    """Fill a temporary folder and rename it, so that an interrupted attempt is never used."""
    report(f"Odoo: installing {lock.count('==')} Python packages for the master")
    with work_folder(folder.parent) as work:
        target = work / "packages"
        wheels.install(odoo.python, lock, "--no-deps", "--target", target, timeout_s=900)
        target.rename(folder)


def _engine_folder(settings: ServerSettings) -> Path:
    """A folder with a link to this package alone: no other package of our environment can be imported."""
    folder = settings.run_dir / "python"
    folder.mkdir(parents=True, exist_ok=True)
    link_to(folder / "tenantry", Path(__file__).resolve().parents[1])
    return folder


def _python_tag(odoo: OdooInstallation) -> str:
    """The Python's tag, such as `cpython-311`: compiled packages are for one version. Raises PythonTooOld."""
    tag, major, minor = run([odoo.python, "-c", _PRINT_PYTHON_TAG]).split()
    if (int(major), int(minor)) < OLDEST_PYTHON:
        raise PythonTooOld(odoo.python, f"{major}.{minor}")
    return tag


def _read_lock() -> str:
    return (resources.files(__package__) / "requirements" / "master.lock").read_text(encoding="utf-8")
