"""The specification of a new instance is checked in one place for all callers."""

from __future__ import annotations

import pytest

from tenantry.errors import InvalidInput
from tenantry.model.countries import COUNTRIES, country_of_time_zone, is_time_zone, time_zone_of
from tenantry.model.instance import InstanceSpec


def asked(**wishes: object) -> InstanceSpec:
    return InstanceSpec.checked(**{"name": "acme", "email": "boss@acme.example", **wishes})


def test_a_valid_specification_is_kept_unchanged():
    spec = asked(company="Acme", country="FR", timezone="Europe/Paris", language="fr_FR")
    assert (spec.company, spec.country, spec.timezone) == ("Acme", "FR", "Europe/Paris")


def test_an_email_and_a_company_are_normalized():
    spec = asked(email="Boss@Acme.Example", company=" Acme \u2028 Ltd ")
    assert (spec.email, spec.company) == ("boss@acme.example", "Acme Ltd")


def test_further_host_names_are_kept_as_the_dns_has_them():
    assert asked(hostnames=["Shop.Acme.Example"]).hostnames == ("shop.acme.example",)


@pytest.mark.parametrize(
    "wishes",
    [
        {"name": "www"},
        {"name": "edit--blank"},
        {"template": "Blank; DROP"},
        {"email": "nobody"},
        {"company": "see www.evil.example"},
        {"admin_name": "see www.evil.example"},
        {"country": "France"},
        {"country": "fr"},
        {"timezone": "localtime"},
        {"timezone": "../etc/passwd"},
        {"hostnames": ["192.168.1.10"]},
        {"limits": {"memory_mb": 1}},
    ],
)
def test_an_invalid_specification_is_refused(wishes: dict[str, object]):
    with pytest.raises(InvalidInput):
        asked(**wishes)


def test_the_default_company_name_comes_from_the_instances_name():
    assert asked(name="acme-france").company_name == "Acme France"


def test_the_administrators_name_is_the_given_one_else_made_from_the_mailbox():
    assert asked(email="lea.d@acme.example", admin_name=" Léa  Dupont ").administrator == "Léa Dupont"
    assert asked(email="lea.dupont@acme.example").administrator == "Lea Dupont"


@pytest.mark.parametrize(
    ("wishes", "zone"),
    [
        ({"country": "FR"}, "Europe/Paris"),
        ({"country": "VN"}, "Asia/Ho_Chi_Minh"),
        ({"country": "BR"}, "America/Sao_Paulo"),
        ({"country": "FR", "timezone": "Asia/Tokyo"}, "Asia/Tokyo"),
        ({}, ""),
    ],
)
def test_the_time_zone_is_the_given_one_else_the_countrys(wishes: dict[str, object], zone: str):
    assert asked(**wishes).local_timezone == zone


@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("Europe/Paris", "FR"),
        ("Asia/Ho_Chi_Minh", "VN"),
        ("Asia/Saigon", "VN"),
        ("UTC", ""),
        ("Mars/Olympus", ""),
    ],
)
def test_a_browsers_time_zone_tells_the_country(zone: str, country: str):
    assert country_of_time_zone(zone) == country


def test_each_country_has_a_time_zone_that_odoo_knows():
    zones = {code: time_zone_of(code) for code in COUNTRIES}
    assert all(is_time_zone(zone) for zone in zones.values() if zone)
    assert sorted(code for code, zone in zones.items() if not zone) == ["BV", "HM", "XI", "XK"]
