"""Countries and their time zones, by the engine's rules."""

from tenantry.model import countries


def time_zone_of(country):
    """The time zone of most people there, or False. country: a `res.country`, or none."""
    return countries.time_zone_of(country.code or "") or False


def country_of_time_zone(zone):
    """The ISO code of the country in which the time zone is, or ""."""
    return countries.country_of_time_zone(zone)


def is_time_zone(zone):
    return countries.is_time_zone(zone)
