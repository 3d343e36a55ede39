"""The versions of Odoo with which all tests passed. Other versions of the series are used with a warning."""

from __future__ import annotations

from collections.abc import Mapping

TESTED: Mapping[str, tuple[str, ...]] = {"19.0": ("19.0.0+dfsg-1",)}
"""The versions by series, as in `OdooInstallation.version`."""

REMEDY = "Run `make test` with this version before customers use it, or use a version that was tested."


def untested(series: str, version: str) -> str:
    """A warning about this version; "" when all tests passed with it."""
    tested = TESTED.get(series, ())
    if version in tested:
        return ""
    return f"{version} was not tested with this Tenantry; tested were: {', '.join(tested) or 'none'}"
