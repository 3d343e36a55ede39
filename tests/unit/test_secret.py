"""Secrets do not print their value, and have the formats of Odoo and PostgreSQL."""

from __future__ import annotations

from passlib.hash import pbkdf2_sha512

from tenantry.model.secret import Secret, derive_role_password, hash_for_odoo, random_password


def test_a_secret_shows_itself_to_no_log_or_error():
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {secret!s}"
    assert secret.reveal() == "hunter2"


def test_a_hash_is_one_odoo_can_verify():
    password = random_password()
    assert pbkdf2_sha512.verify(password.reveal(), hash_for_odoo(password))
    assert not pbkdf2_sha512.verify("another", hash_for_odoo(password))


def test_passwords_differ_and_are_long():
    passwords = {random_password().reveal() for _ in range(100)}
    assert len(passwords) == 100
    assert {len(password) for password in passwords} == {23}


def test_each_role_has_its_own_password_under_each_key():
    key = Secret("a key")
    assert derive_role_password(key, "acme") == derive_role_password(key, "acme")
    assert derive_role_password(key, "acme") != derive_role_password(key, "beta")
    assert derive_role_password(key, "acme") != derive_role_password(Secret("another"), "acme")
