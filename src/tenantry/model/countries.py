"""The countries that Odoo knows."""

from __future__ import annotations

import pytz

COUNTRIES = frozenset({*pytz.country_names, "XI", "XK"})
"""ISO 3166 codes, and Odoo's own for Northern Ireland and Kosovo."""
EXPECTED = "an ISO 3166 code of two capitals, such as FR"
