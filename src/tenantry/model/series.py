"""The series of Odoo that tenants can run."""

from __future__ import annotations

from tenantry.errors import UnsupportedSeries

SERIES = ("17.0", "18.0", "19.0")
"""Those whose tables our SQL knows."""


def series(text: str) -> str:
    """Return `text` if it is one of them. Raises UnsupportedSeries."""
    if text not in SERIES:
        raise UnsupportedSeries(text, SERIES)
    return text
