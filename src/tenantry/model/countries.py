"""The countries that Odoo knows, and their time zones."""

from __future__ import annotations

from functools import cache

import pytz

COUNTRIES = frozenset({*pytz.country_names, "XI", "XK"})
"""ISO 3166 codes, and Odoo's own for Northern Ireland and Kosovo."""
EXPECTED = "an ISO 3166 code of two capitals, such as FR"

_PRINCIPAL = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kiev",
    "UZ": "Asia/Tashkent",
}
"""Where the first zone in the time zone database is not the one of most people."""
_OLD_NAMES = {
    "Africa/Asmera": "ER",
    "America/Buenos_Aires": "AR",
    "America/Catamarca": "AR",
    "America/Coral_Harbour": "CA",
    "America/Cordoba": "AR",
    "America/Godthab": "GL",
    "America/Indianapolis": "US",
    "America/Jujuy": "AR",
    "America/Louisville": "US",
    "America/Mendoza": "AR",
    "Asia/Calcutta": "IN",
    "Asia/Katmandu": "NP",
    "Asia/Rangoon": "MM",
    "Asia/Saigon": "VN",
    "Atlantic/Faeroe": "FO",
    "Europe/Kiev": "UA",
    "Europe/Kyiv": "UA",
    "Pacific/Enderbury": "KI",
    "Pacific/Ponape": "FM",
    "Pacific/Truk": "FM",
}
"""Names of time zones that browsers still report (those of the Unicode CLDR), by country."""


def time_zone_of(country: str) -> str:
    """The time zone of most people in a country; "" if the country is unknown or has none."""
    zones = pytz.country_timezones.get(country) or [""]
    return _PRINCIPAL.get(country, str(zones[0]))


def country_of_time_zone(zone: str) -> str:
    """The country in which a time zone is; "" if the zone is unknown or in no country."""
    return _OLD_NAMES.get(zone) or _by_zone().get(zone, "")


def is_time_zone(zone: str) -> bool:
    return zone in pytz.all_timezones_set


@cache
def _by_zone() -> dict[str, str]:
    return {zone: country for country, zones in pytz.country_timezones.items() for zone in zones}
