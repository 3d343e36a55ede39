"""Odoo from Debian's package, unpacked into the cache: without root rights, without installing it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from tenantry.odoo.finding.apt import Package, PrivateApt
from tenantry.odoo.finding.apt_sources import derive_source, machine_source_files
from tenantry.odoo.finding.cachefolder import exclusive, work_folder
from tenantry.odoo.finding.candidate import Candidate, Passed, Report, Search
from tenantry.odoo.finding.links import repair_links
from tenantry.odoo.finding.python_environment import digest, make_environment, read_lock
from tenantry.process import run

# Odoo's package has links to files of these packages; its other dependencies are installed as wheels.
_COMPANIONS = (
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
    "fonts-roboto-unhinted",
    "fonts-montserrat",
    "fonts-inconsolata",
    "fonts-ocr-b",
    "fonts-font-awesome",
)
# Split off from fonts-font-awesome in newer suites only.
_OPTIONAL_COMPANIONS = ("fonts-font-awesome-legacy",)
_PROGRAMS = ("apt-get", "apt-cache", "dpkg-deb")


def from_debian(search: Search) -> Candidate:
    """An Odoo that was unpacked earlier, without network access; else download and unpack it."""
    lock = read_lock(search.series)
    ready = _find_ready(search, lock)
    if ready:
        return ready
    if not search.install:
        raise Passed("not downloaded yet")
    missing = [program for program in _PROGRAMS if not shutil.which(program)]
    if missing:
        raise Passed(f"{', '.join(missing)} is not on this machine")
    with exclusive(search.home, search.report):
        return _find_ready(search, lock) or _install(search, lock)


def _find_ready(search: Search, lock: str) -> Candidate | None:
    """The newest finished installation that was made from this lock and still has its Python environment."""
    markers = sorted(search.home.glob(f"{search.series}-*/ready"), key=lambda file: file.stat().st_mtime)
    for marker in reversed(markers):
        facts = json.loads(marker.read_text())
        candidate = _candidate(marker.parent, facts["packages"])
        if facts["lock"] == digest(lock) and candidate.python.exists():
            return candidate
    return None


def _install(search: Search, lock: str) -> Candidate:
    with work_folder(search.home) as work:
        apt = _private_apt(work)
        search.report("Odoo: reading the list of Debian's packages")
        apt.update()
        packages = _choose(apt, f"odoo-{search.series.partition('.')[0]}")
        folder = search.home / _key(search.series, packages, lock)
        if not (folder / "root").is_dir():
            _unpack(apt, packages, work, search.report)
            folder.mkdir(exist_ok=True)
            (work / "root").rename(folder / "root")
    candidate = _candidate(folder, _versions(packages))
    make_environment(folder, lock, candidate.source, search.report)
    _check(candidate, search.series)
    _mark_ready(folder, lock, packages)
    return candidate


def _private_apt(work: Path) -> PrivateApt:
    source = derive_source(machine_source_files())
    if source is None:
        raise Passed("apt's sources name no main archive of Debian or Ubuntu")
    return PrivateApt(work, source)


def _choose(apt: PrivateApt, odoo: str) -> list[Package]:
    """Odoo's package first, then its companions."""
    known = apt.show([odoo, *_COMPANIONS, *_OPTIONAL_COMPANIONS])
    missing = [name for name in (odoo, *_COMPANIONS) if name not in known]
    if missing:
        raise Passed(f"the archive has no package {', '.join(missing)}")
    return [known[name] for name in (odoo, *_COMPANIONS, *_OPTIONAL_COMPANIONS) if name in known]


def _key(series: str, packages: Collection[Package], lock: str) -> str:
    odoo, *_ = packages
    # A colon would end the folder's name in PYTHONPATH.
    return f"{series}-{odoo.version.replace(':', '_')}-{digest(lock, *_versions(packages))}"


def _versions(packages: Collection[Package]) -> list[str]:
    return [f"{package.name}={package.version}" for package in packages]


def _unpack(apt: PrivateApt, packages: list[Package], work: Path, report: Report) -> None:
    """Download and unpack into `work/root`, and repair broken links."""
    megabytes = sum(package.size_bytes for package in packages) // 1_000_000
    report(f"Odoo: downloading {len(packages)} packages of Debian, {megabytes} MB")
    files = apt.download(packages, work / "packages")
    report("Odoo: unpacking them")
    for file in files:
        run(["dpkg-deb", "-x", file, work / "root"], timeout_s=600)
        file.unlink()
    repair_links(work / "root")


def _candidate(folder: Path, versions: Sequence[str]) -> Candidate:
    """`versions` are `name=version` of the packages, Odoo's first."""
    root = folder / "root" / "usr"
    return Candidate(
        python=folder / "venv" / "bin" / "python",
        source=root / "lib" / "python3" / "dist-packages",
        program=root / "bin" / "odoo",
        reason="Debian's package in the cache",
        version=versions[0].partition("=")[2],
    )


def _check(candidate: Candidate, series: str) -> None:
    """Check that Odoo starts. Raises ProgramFailed if it does not, Passed if it is another series."""
    run([candidate.python, "-c", "import odoo.release, odoo.http"], timeout_s=120, cwd=Path("/"))
    version = run([candidate.python, candidate.program, "--version"], timeout_s=120).strip()
    if series not in version:
        raise Passed(f"the package calls itself {version!r}")


def _mark_ready(folder: Path, lock: str, packages: Collection[Package]) -> None:
    partial = folder / "ready.partial"
    facts = {"lock": digest(lock), "packages": _versions(packages)}
    partial.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    partial.replace(folder / "ready")
