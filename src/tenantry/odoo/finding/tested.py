"""Which Odoos all tests passed with; any other of the series is used too, and told of."""

from __future__ import annotations

from collections.abc import Mapping

TESTED: Mapping[str, tuple[str, ...]] = {"19.0": ("19.0.0+dfsg-1",)}
"""By series, the versions as `OdooInstallation.version` has them: of a Debian package, else Odoo's own."""

REMEDY = "Run `make test` with it before customers work in it, or use one that was tested."


def untested(series: str, version: str) -> str:
    """What is to be said of this version; "" when all tests passed with it."""
    tested = TESTED.get(series, ())
    if version in tested:
        return ""
    return f"{version} was not tested with this Tenantry; tested were: {', '.join(tested) or 'none'}"
