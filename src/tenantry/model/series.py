"""The series of Odoo that tenants can run."""

from __future__ import annotations

from tenantry.errors import UnsupportedSeries

SERIES = ("17.0", "18.0", "19.0")
"""Our SQL scripts support the tables of these."""


def series(text: str) -> str:
    """Return `text` if it is a supported series. Raises UnsupportedSeries."""
    if text not in SERIES:
        raise UnsupportedSeries(text, SERIES)
    return text
