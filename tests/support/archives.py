"""Small archives served over HTTP, whose files can be damaged: wheels for pip, packages for apt."""

from __future__ import annotations

import hashlib
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tenantry.odoo.finding.apt_sources import AptSource


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None: ...


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which the folder's files are to be had."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def damage(file: Path) -> bytes:
    """Change one byte, as a broken connection or an attacker would; return the original byte."""
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    return whole


# ---------------------------------------------------------------- wheels


@dataclass(frozen=True)
class Index:
    """A package index, the only one pip asks."""

    folder: Path

    def add(self, name: str, version: str = "1.0", tag: str = "py3-none-any") -> Path:
        """Offer a package with one module of its name; return its file."""
        module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
        file = self.folder / name / f"{module}-{version}-{tag}.whl"
        file.parent.mkdir(parents=True)
        with zipfile.ZipFile(file, "w") as wheel:
            wheel.writestr(f"{module}.py", "IS_THERE = True\n")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
            wheel.writestr(f"{info}/RECORD", "")
        return file

    def lock(self, *files: Path) -> str:
        """The lock that `make lock` writes for these packages."""
        return "".join(f"{_requirement(file)} \\\n    --hash=sha256:{_sha256(file)}\n" for file in files)


@contextmanager
def package_index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """Which index pip asks is the machine's own setting: here it is this one, and nothing else."""
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    folder.mkdir()
    with served(folder) as address:
        monkeypatch.setenv("PIP_INDEX_URL", address)
        yield Index(folder)


def _requirement(file: Path) -> str:
    name, version, *_tag = file.name.split("-")
    return f"{name.replace('_', '-')}=={version}"


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


# ---------------------------------------------------------------- Debian packages


def debian_archive(folder: Path, address: str, name: str) -> tuple[AptSource, Path]:
    """A Debian archive of one package: apt's source line, and the package's file."""
    pool, listed = folder / "pool", folder / "dists" / "sid"
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: Nobody <nobody@example.com>\n"
        "Description: a test\n"
    )
    (tree / "a-file").write_text("of the package")
    pool.mkdir()
    package = pool / f"{name}_1.0_all.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, package], check=True, timeout=60)
    control = (tree / "DEBIAN" / "control").read_text()
    stanza = f"Filename: pool/{package.name}\nSize: {package.stat().st_size}\nSHA256: {_sha256(package)}\n"
    packages = listed / "main" / f"binary-{_architecture()}" / "Packages"
    packages.parent.mkdir(parents=True)
    packages.write_text(control + stanza)
    release = f"Suite: sid\nCodename: sid\nArchitectures: {_architecture()}\nComponents: main\nSHA256:\n"
    listing = f" {_sha256(packages)} {packages.stat().st_size} {packages.relative_to(listed)}\n"
    (listed / "Release").write_text(release + listing)
    # It is not signed, so the machine's owner must say that it is trusted.
    return AptSource(address, "sid", "main\nTrusted: yes", ""), package


def _architecture() -> str:
    told = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    return told.stdout.strip()
