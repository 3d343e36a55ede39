"""The packaged SQL that turns a clone of a template into a customer's database.

There is one file per Odoo module, which is run only if that module is installed, as Odoo's own
`odoo/modules/neutralize.py` does for copies. A file in `all` is for every series. A file of the same name in
a series' folder replaces it for that series, and `<module>.also.sql` is run after it. The scripts get their
values as settings named `tenantry.*`.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Literal

from tenantry.agreed import TENANT_MODULE
from tenantry.model.series import series as supported

_ALSO = ".also"
_Purpose = Literal["sanitize", "customize", "customer_admin", "birth", "stale_caches", "all_stale"]


def stale_caches_script(series: str) -> str:
    """Tell running Odoos that their caches are stale: the last part of every script that writes.

    Raises UnsupportedSeries.
    """
    return _script("stale_caches", series, ["base"])


def all_stale_script(series: str) -> str:
    """Tell Odoos that all their caches are stale, after SQL of others. Raises UnsupportedSeries."""
    return _script("all_stale", series, ["base"])


def sanitize_script(series: str, modules: Collection[str]) -> str:
    """Remove all identities and secrets of the template (I6). Raises UnsupportedSeries."""
    return _script("sanitize", series, modules)


def birth_script(series: str) -> str:
    """Set the database's creation date, and start its scheduled jobs from now. Raises UnsupportedSeries."""
    return _script("birth", series, ["base"])


def customize_script(series: str, modules: Collection[str]) -> str:
    """Write the customer's company, language, time zone and country (I4). Raises UnsupportedSeries."""
    return _script("customize", series, modules)


def entitle_script(series: str) -> str:
    """Write the entitlements: that part of `customize_script` only. Raises UnsupportedSeries."""
    return _script("customize", series, [TENANT_MODULE])


def customer_admin_script(series: str, modules: Collection[str]) -> str:
    """Make the customer the administrator (I7). Raises UnsupportedSeries."""
    return _script("customer_admin", series, modules)


def _script(purpose: _Purpose, series: str, modules: Collection[str]) -> str:
    """Join the files of the installed modules: first base, which the others need, then by name."""
    files = _files(purpose, series)
    ordered = sorted(files.keys() & set(modules), key=lambda module: (module != "base", module))
    return "\n".join(files[module] for module in ordered)


@cache
def _files(purpose: _Purpose, series: str) -> dict[str, str]:
    """The text of every file, by module."""
    folder = resources.files("tenantry.odoo") / purpose
    own = _read(folder / supported(series))
    more = {name: own.pop(name) for name in list(own) if name.endswith(_ALSO)}
    files = _read(folder / "all") | own
    return files | {name.removesuffix(_ALSO): files[name.removesuffix(_ALSO)] + more[name] for name in more}


def _read(folder: Traversable) -> dict[str, str]:
    files = [file for file in folder.iterdir() if file.name.endswith(".sql")] if folder.is_dir() else []
    return {file.name.removesuffix(".sql"): file.read_text(encoding="utf-8") for file in files}
