"""rtlcss, the program with which Odoo mirrors pages, and its packages."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support import npm

# Package: (its version, its integrity as the registry and npm's lock files write it)
_PACKAGES = {
    "rtlcss": (
        "4.3.0",
        "sha512-FI+pHEn7Wc4NqKXMXFM+VAYKEj/mRIcW4h24YVwVtyjI+EqGrLc2Hx/Ny0lrZ21cBWU2goLy36eqMcNj3AQJig==",
    ),
    "escalade": (
        "3.2.0",
        "sha512-WUj2qlxaQtO4g6Pq5c29GTcWGDyd8itL8zTlipgECz3JesAiiOKotd8JU6otB3PACgG6xkJUyVhboMS+bje/jA==",
    ),
    "nanoid": (
        "3.3.20",
        "sha512-uKdg2G3GNCKQn9byYOpxbGqrT2fGO5KRt5J/8b3pok8rT6qxGWF6hxMyJiEYtAf+FVyYuD9hRaDqX5uPFYJ4ZQ==",
    ),
    "picocolors": (
        "1.1.1",
        "sha512-xceH2snhtb5M9liqDsmEw56le376mTZkEX/jEb/RxNFyegNul7eNslCXP9FDj/Lcu0X8KEyMceP2ntpaHrDEVA==",
    ),
    "postcss": (
        "8.5.33",
        "sha512-RVHEU9/Pp1Fnjr/MpAJsZoADukCKhfIi15OunEYiGktIkYLkPVvC1sioWolGDS7XByMTx9m/IGbro0Js13zhnQ==",
    ),
    "source-map-js": (
        "1.2.4",
        "sha512-J7ZjMvHd9O1fcT/5V09QWaaSl2BbWx3F6O08spde82Namf9UB0GxRVIPiNbVsdKkoizHiSpTodo3vp2bAy91MA==",
    ),
    "strip-json-comments": (
        "3.1.1",
        "sha512-6fPc+R4ihwqP6N/aIv2f1gMH8lOVtWQHoqC4yK6oSDVVocumAsfCqjkXnqiYMhmMwS/mEHLp7Vehlt3ql6lEig==",
    ),
}


def install(folder: Path, cache: Path) -> Path:
    """Install it as npm does; return the folder with the program, for PATH."""
    packages, programs = folder / "node_modules", folder / "bin"
    for name, (version, integrity) in _PACKAGES.items():
        package = npm.unpacked(name, version, integrity, cache / "test-npm" / f"{name}-{version}")
        shutil.copytree(package, packages / name)
    programs.mkdir()
    main = packages / "rtlcss" / "bin" / "rtlcss.js"
    main.chmod(0o755)
    (programs / "rtlcss").symlink_to(main)
    return programs
