"""A Python the machine lacks, unpacked from Debian's newest suite with the C library it was built for."""

from __future__ import annotations

import shutil
from pathlib import Path

from tenantry.odoo.finding.apt import PrivateApt
from tenantry.odoo.finding.apt_sources import derive_source, machine_source_files
from tenantry.odoo.finding.cachefolder import exclusive, work_folder
from tenantry.process import run

_PACKAGES = ("python{0}-minimal", "libpython{0}-minimal", "libpython{0}-stdlib")
_LIBRARIES = (
    *("libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libexpat1", "libffi8", "libssl3t64", "libbz2-1.0"),
    *("liblzma5", "libzstd1", "libsqlite3-0", "libuuid1", "libncursesw6", "libtinfo6", "libreadline8t64"),
)
_START = """\
#!/bin/sh
exec {loader} --library-path {libraries} --argv0 "$0" {program} "$@"
"""
"""The machine's C library may be older than the one this Python was built with."""


class Unavailable(Exception):
    """Why there is none, for people."""


def python(version: str, cache: Path) -> Path:
    """The program of that version ("3.14"), unpacked once. Raises Unavailable, TenantryError."""
    folder = cache / "test-python" / version
    program = folder / "usr" / "bin" / f"python{version}"
    if not program.exists():
        with exclusive(cache / "test-python", print), work_folder(cache / "test-python") as work:
            if not program.exists():
                _unpack(version, work)
                _add_starter(version, work / "root", folder)
                (work / "root").rename(folder)
    return program


def _unpack(version: str, work: Path) -> None:
    source = derive_source(machine_source_files())
    if source is None or not shutil.which("apt-get"):
        raise Unavailable("no apt with an archive of Debian or Ubuntu")
    apt = PrivateApt(work, source)
    apt.update()
    names = [name.format(version) for name in (*_PACKAGES, *_LIBRARIES)]
    known = apt.show(names)
    missing = [name for name in names if name not in known]
    if missing:
        raise Unavailable(f"the archive has no {', '.join(missing)}")
    for file in apt.download(list(known.values()), work / "packages"):
        run(["dpkg-deb", "-x", file, work / "root"], timeout_s=600)


def _add_starter(version: str, root: Path, final: Path) -> None:
    """Installed in the program's place, because Python looks for its library beside its own path."""
    program = root / "usr" / "bin" / f"python{version}"
    real = program.rename(program.with_name(f"{program.name}.real"))
    libraries = next(path.parent for path in root.glob("usr/lib/*/libc.so.6"))
    loader = next(libraries.glob("ld-linux-*.so.*"))
    here = {
        "loader": final / loader.relative_to(root),
        "libraries": final / libraries.relative_to(root),
        "program": final / real.relative_to(root),
    }
    program.write_text(_START.format(**here))
    program.chmod(0o755)
