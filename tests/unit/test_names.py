"""Which names are allowed, and what is suggested instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.errors import InvalidName, InvalidValue
from tenantry.model import names


@pytest.mark.parametrize("name", ["acme", "a1b", "acme-france-2", "x" * 50])
def test_a_dns_label_of_3_to_50_characters_is_a_name(name: str):
    assert names.instance_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ab", "shorter"),
        ("x" * 51, "longer"),
        ("Acme", "upper-case"),
        ("acmé", "only a-z"),
        ("-acme", "only a-z"),
        ("acme-", "only a-z"),
        ("edit--blank", "only a-z"),
        ("spare_blank", "only a-z"),
        ("tenantry_master", "only a-z"),
        ("acme.com", "only a-z"),
        ('acme"; DROP DATABASE beta; --', "upper-case"),
        ("a';select pg_sleep(9)--", "only a-z"),
        ("acme\n", "only a-z"),
        ("123456", "only a number"),
        ("postgres", "reserved"),
        ("www", "reserved"),
        ("template1", "reserved"),
    ],
)
def test_anything_else_is_refused_and_the_reason_said(name: str, reason: str):
    with pytest.raises(InvalidName, match=reason):
        names.instance_name(name)


def test_the_operator_can_reserve_more_names():
    with pytest.raises(InvalidName, match="reserved"):
        names.instance_name("acme", reserved={"acme"})


@given(st.text(max_size=80))
def test_whatever_a_company_is_called_the_suggestion_is_a_valid_name_or_empty(text: str):
    suggestion = names.suggest(text)
    assert suggestion == "" or names.instance_name(suggestion) == suggestion


def test_a_company_name_becomes_a_readable_suggestion():
    assert names.suggest("Café Müller & Söhne") == "cafe-muller-sohne"


def test_a_taken_name_gets_free_alternatives():
    assert names.alternatives("acme", {"acme", "acme-2"}) == ["acme-3", "acme-4", "acme-5"]


@given(st.from_regex(r"[a-z][a-z0-9-]{2,49}", fullmatch=True))
def test_no_valid_name_collides_with_a_database_of_our_own(name: str):
    ours = {
        names.template_database("blank"),
        names.building_database("blank"),
        names.editing_database("blank"),
        names.new_spare_database("blank"),
        names.cloning_database("acme"),
        *(names.TEMPLATE_OWNER, names.SPAWNER_ROLE, names.ENGINE_ROLE),
    }
    try:
        assert names.instance_name(name) not in ours
    except InvalidName:
        return


@pytest.mark.parametrize("text", ["", "acme", "a@b", "a b@c.de", "x@y.z'; --", "a@b@c.de"])
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(InvalidValue):
        names.email(text)


def test_host_names_are_lowered_and_checked():
    assert names.hostname("Shop.Example.com.") == "shop.example.com"
    with pytest.raises(InvalidValue):
        names.hostname("shop")
