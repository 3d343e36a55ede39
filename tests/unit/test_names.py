"""Which names are valid, and the suggestions for others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.errors import InvalidCode, InvalidName, InvalidValue
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
def test_an_invalid_name_is_refused_with_the_reason(name: str, reason: str):
    with pytest.raises(InvalidName, match=reason):
        names.instance_name(name)


def test_each_kind_of_fault_is_told_apart():
    faulty = ("ab", "x" * 51, "Acme", "ac_me", "123456", "www")
    assert [names.instance_name_fault(name) for name in faulty] == list(names.NameFault)
    assert names.instance_name_fault("acme") is None


def test_the_operator_can_reserve_more_names():
    with pytest.raises(InvalidName, match="reserved"):
        names.instance_name("acme", reserved={"acme"})


@given(st.text(max_size=80))
def test_whatever_a_company_is_called_the_suggestion_is_a_valid_name_or_empty(text: str):
    suggestion = names.suggest(text)
    assert suggestion == "" or names.instance_name(suggestion) == suggestion


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("My Bakery!", "Use 1 to 32 lower-case letters, digits and single dashes, for example 'my-bakery'."),
        ("2go", "Use 1 to 32 lower-case letters, digits and single dashes, for example 'go'."),
        ("a" * 33, f"Use 1 to 32 lower-case letters, digits and single dashes, for example '{'a' * 32}'."),
        ("", "Use 1 to 32 lower-case letters, digits and single dashes."),
    ],
)
def test_a_wrong_code_is_refused_by_one_rule_with_a_right_one_like_it(text: str, remedy: str):
    with pytest.raises(InvalidCode) as refused:
        names.template_code(text)
    assert refused.value.remedy == remedy


def test_a_company_name_becomes_a_readable_suggestion():
    assert names.suggest("Café Müller & Söhne") == "cafe-muller-sohne"


def test_a_taken_name_gets_free_alternatives():
    assert names.alternatives("acme", {"acme", "acme-2"}) == ["acme-3", "acme-4", "acme-5"]


@given(st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){0,2}", fullmatch=True))
def test_none_of_our_own_names_is_a_valid_instance_name(code: str):
    ours = {
        *names.databases_of_template(names.template_code(code)),
        names.new_spare_database(code),
        names.cloning_database(code),
        names.zygote_database(code, "1.0.0"),
        names.template_filestore(code, "1.0.0"),
        *names.INFRASTRUCTURE_ROLES,
        names.MASTER_BUILDING,
    }
    for name in ours:
        with pytest.raises(InvalidName):
            names.instance_name(name)


@pytest.mark.parametrize(
    ("company", "name"),
    [
        ("Công ty Đại Đồng", "cong-ty-dai-dong"),
        ("Straße GmbH", "strasse-gmbh"),
        ("Ørsted A/S", "orsted-a-s"),
        ("Łódź", "lodz"),
        ("Œuvre", "oeuvre"),
        ("Þór ehf", "thor-ehf"),
        ("Iğdır İnşaat", "igdir-insaat"),  # noqa: RUF001
        ("Ελληνικά", "ellinika"),
        ("Москва", "moskva"),
        ("北京公司", "beijinggongsi"),
    ],
)
def test_a_name_in_any_alphabet_is_suggested_with_all_its_letters(company: str, name: str):
    assert names.suggest(company) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", "acme", "a@b", "a b@c.de", "x@y.z'; --", "a@b@c.de", "a@-example.com", "a@example..com"),
        *("a\u200b@example.com", "a@exam\u200bple.com", "a@[127.0.0.1]", "a@192.168.1.1"),
        *('"a b"@x.com', ".a@x.com"),
        *("a@x.com\n", "a\r\nBcc: b@x.com", "é@x.com", "a" * 65 + "@x.com", f"a@{'x.' * 130}com"),
    ],
)
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(InvalidValue):
        names.email(text)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Anna@Acme.Example", "anna@acme.example"),
        ("o'neil@example.com", "o'neil@example.com"),
        ("a+b@corp.local", "a+b@corp.local"),
        ("a@münchen.example", "a@xn--mnchen-3ya.example"),
    ],
)
def test_an_address_has_one_spelling(typed: str, kept: str):
    assert names.email(typed) == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ann \u2028 Smith\u0085 ", "Ann Smith"),
        ("Booking.com", "Booking.com"),
        ("Ørsted A/S", "Ørsted A/S"),
        ("J. R. O'Neil & Sons", "J. R. O'Neil & Sons"),
        ("Dr.Smith/Partner", "Dr.Smith/Partner"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # noqa: RUF001
    ],
)
def test_a_name_is_kept_in_one_line(typed: str, kept: str):
    assert names.caption(typed) == kept


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "x" * 201, "Win at http://evil.example", "see www.evil.example", "evil.com/prize"),
        *("a\u202eb", "a\u200bb", "a\x00b", "a\x1bb", "ann@evil.example", "evil.com?x=1"),
        *("EVIL.COM/x", "http:evil.com", "a\u2066b"),
    ],
)
def test_text_that_is_unsafe_in_a_mail_is_not_a_name(text: str):
    with pytest.raises(InvalidValue):
        names.caption(text)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("Shop.Example.com.", "shop.example.com"), ("münchen.example", "xn--mnchen-3ya.example")],
)
def test_a_host_name_is_kept_as_the_dns_has_it(typed: str, kept: str):
    assert names.hostname(typed) == kept


@pytest.mark.parametrize(
    "text",
    [
        *("", "shop", "192.168.1.10", "shop.-a", "x.co-", "a_b.example", "a..b.com", "*.example.com", "::1"),
        *("x.123", "a" * 64 + ".com", "shop.example.com/x", "a b.com", "127.0.0.1", "x.co..", "."),
    ],
)
def test_what_is_no_host_name_is_refused(text: str):
    with pytest.raises(InvalidValue):
        names.hostname(text)
