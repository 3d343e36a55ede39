"""The statements that the provider signs and the tenant's module verifies."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tenant_side import load

from tenantry.agreed import LOGIN, SUPPORT
from tenantry.errors import InvalidValue
from tenantry.model.entitlements import UNLIMITED, Entitlements
from tenantry.model.secret import Secret
from tenantry.model.signing import public_key, sign_entitlements, sign_login

KEY, OTHER_KEY = Secret("ab" * 32), Secret("cd" * 32)
PUBLIC = public_key(KEY)
PLAN = Entitlements(users=3, storage_gb=1.5, expires_at="2030-01-31T00:00:00+00:00", plan="Small")
TOKEN = sign_entitlements(KEY, "acme", PLAN, 1000)
URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

signed = load("saas_tenant.tools.signed")


def read(token: object, *, key: str = PUBLIC, audience: str = "acme", since: int | None = None):
    return signed.Entitlements.from_token(key, token, audience, since)


def test_what_was_signed_is_read_as_it_was_meant():
    found = read(TOKEN)
    assert (found.users, found.storage_gb, found.expires_at, found.plan) == (3, 1.5, PLAN.expires_at, "Small")
    assert found.is_valid
    assert read(sign_entitlements(KEY, "acme", UNLIMITED, 1)).users == 0


@given(position=st.integers(0, len(TOKEN) - 1), character=st.sampled_from(URL_SAFE + ".=+/ é"))
def test_a_token_with_any_character_changed_is_refused(position: int, character: str):
    tampered = TOKEN[:position] + character + TOKEN[position + 1 :]
    if tampered != TOKEN:
        with pytest.raises(signed.InvalidToken):
            read(tampered)


@given(st.text())
def test_any_other_text_is_refused(text: str):
    with pytest.raises(signed.InvalidToken):
        read(text)


@pytest.mark.parametrize("nothing", ["", ".", "..", None, False, TOKEN + ".", "." + TOKEN, TOKEN + "="])
def test_what_is_no_token_is_refused(nothing: object):
    with pytest.raises(signed.InvalidToken):
        read(nothing)


def test_more_users_with_the_old_signature_are_refused():
    payload, signature = TOKEN.split(".")
    facts = json.loads(base64.urlsafe_b64decode(payload + "=="))
    more = base64.urlsafe_b64encode(json.dumps({**facts, "users": 99}).encode()).decode().rstrip("=")
    with pytest.raises(signed.InvalidToken):
        read(f"{more}.{signature}")


def test_a_token_of_another_installation_is_refused():
    with pytest.raises(signed.InvalidToken):
        read(sign_entitlements(OTHER_KEY, "acme", PLAN, 1000))
    assert public_key(OTHER_KEY) != PUBLIC


def test_a_token_of_another_instance_is_refused():
    with pytest.raises(signed.InvalidToken):
        read(sign_entitlements(KEY, "beta", UNLIMITED, 1000))


def test_a_token_for_another_purpose_is_refused():
    link = sign_login(KEY, "acme", "acme", 1000, 60, by="Ann", support=True).reveal()
    with pytest.raises(signed.InvalidToken):
        read(link)
    with pytest.raises(signed.InvalidToken):
        signed.verify(PUBLIC, link, "acme", LOGIN)
    with pytest.raises(signed.InvalidToken):
        signed.verify(PUBLIC, TOKEN, "acme", LOGIN, SUPPORT)


def test_an_older_token_is_refused_and_the_one_in_force_is_not():
    assert read(TOKEN, since=1000).is_valid
    with pytest.raises(signed.InvalidToken):
        read(TOKEN, since=1001)


def test_without_a_key_nothing_is_believed():
    with pytest.raises(signed.InvalidToken):
        read(TOKEN, key="")


def test_a_link_says_who_made_it_and_until_when_and_no_two_are_alike():
    links = [sign_login(KEY, "acme", "acme", 5_000_000, 60, by="Ann").reveal() for _ in range(2)]
    first, second = (signed.verify(PUBLIC, link, "acme", LOGIN) for link in links)
    assert (first["name"], first["by"], first["expires_at"]) == ("acme", "Ann", 65_000_000)
    assert first["jti"] != second["jti"]


def test_a_link_does_not_print_itself_and_the_public_key_does_not_tell_the_private_one():
    assert "***" in repr(sign_login(KEY, "acme", "acme", 1000, 60))
    assert KEY.reveal() not in PUBLIC + TOKEN


@pytest.mark.parametrize(
    "wrong",
    [
        {"users": -1},
        {"storage_gb": -0.5},
        {"expires_at": "tomorrow"},
        {"expires_at": "2030-01-31T00:00:00"},
        {"upgrade_url": "javascript:alert(1)"},
        {"provider_url": "javascript:alert(1)"},
        {"provider_email": "hello@acme.example?bcc=all@acme.example"},
        {"provider_email": "Acme"},
    ],
)
def test_entitlements_that_make_no_sense_are_refused(wrong: dict):
    with pytest.raises(InvalidValue):
        Entitlements(**wrong)
