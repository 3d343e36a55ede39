"""A private apt with its own lists, cache and sources, so that the machine's own stay unchanged."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantry.errors import DamagedDownload, ProgramFailed
from tenantry.odoo.finding.apt_sources import AptSource
from tenantry.process import run

# The machine's hooks and pins are not used: they are for its own packages. The lists of a mirror's snapshot
# may have expired; their signatures are checked all the same.
_CONFIGURATION = """\
#clear APT::Update;
Dir::State "{folder}/state";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/private.sources";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "-";
Dir::Etc::preferencesparts "-";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "3";
"""
_REFUSED = re.compile(r"Failed to fetch \S*/([^/\s_]+)_\S*\s+(?:Hash Sum mismatch|File has unexpected size)")
_AS_ROOT = 'APT::Sandbox::User "root";\n'  # the user _apt may not write to a folder of root


@dataclass(frozen=True)
class Package:
    """One version of a Debian package."""

    name: str
    version: str
    size_bytes: int
    sha256: str


class PrivateApt:
    """apt-get and apt-cache over one archive, with all their files in `folder`."""

    def __init__(self, folder: Path, source: AptSource) -> None:
        self._configuration = folder / "apt.conf"
        for name in ("state", "lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "private.sources").write_text(source.text, encoding="utf-8")
        text = _CONFIGURATION.format(folder=folder) + (_AS_ROOT if os.geteuid() == 0 else "")
        self._configuration.write_text(text, encoding="utf-8")

    def update(self) -> None:
        # Without this option apt succeeds although some downloads failed.
        self._run("apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update", timeout_s=600)

    def show(self, names: Sequence[str]) -> dict[str, Package]:
        """The newest version of each of these packages; those that the archive does not have are left out."""
        try:
            text = self._run("apt-cache", "show", "--no-all-versions", *names, timeout_s=60)
        except ProgramFailed:  # it knows none of them
            return {}
        packages = [_package(stanza) for stanza in re.split(r"\n\s*\n", text.strip())]
        return {package.name: package for package in packages}

    def download(self, packages: Sequence[Package], folder: Path) -> list[Path]:
        """Fetch packages into `folder`, check them against the archive's list, return their files.

        Raises DamagedDownload if one differs from the list.
        """
        folder.mkdir()
        names, log = [f"{package.name}={package.version}" for package in packages], folder / "log"
        try:
            self._run("apt-get", "-q", "download", *names, timeout_s=3600, cwd=folder, log=log)
        except ProgramFailed as error:
            refused = _REFUSED.search(log.read_text(encoding="utf-8"))
            if refused:
                raise DamagedDownload(refused[1]) from error
            raise
        return [_checked(package, folder) for package in packages]

    def _run(
        self,
        program: str,
        *arguments: str,
        timeout_s: float,
        cwd: Path | None = None,
        log: Path | None = None,
    ) -> str:
        command = [program, "-c", str(self._configuration), *arguments]
        return run(command, timeout_s=timeout_s, cwd=cwd, log=log, environment={"LC_ALL": "C.UTF-8"})


def _package(stanza: str) -> Package:
    fields = dict(re.findall(r"^([\w-]+): (.*)$", stanza, re.MULTILINE))
    return Package(fields["Package"], fields["Version"], int(fields["Size"]), fields["SHA256"])


def _checked(package: Package, folder: Path) -> Path:
    """The package's file, checked against the hash in the signed list. Raises DamagedDownload."""
    for file in folder.glob(f"{package.name}_*.deb"):
        with file.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() == package.sha256:
                return file
    raise DamagedDownload(package.name)
