"""What an operator may set as the mail server of instances."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenantry.errors import InvalidValue
from tenantry.model.mail import Security, Smarthost, checked
from tenantry.model.secret import Secret

GOOD = Smarthost("smtp.example.com", 587, "mail@example.com", user="mail", password=Secret("x"))


def test_a_sensible_mail_server_is_accepted_and_its_sender_normalised():
    assert checked(replace(GOOD, sender="mail@EXAMPLE.com")).sender == "mail@example.com"


def test_a_sender_of_another_alphabet_is_written_in_ascii():
    assert checked(replace(GOOD, sender="mail@bücher.example")).sender == "mail@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"host": "smtp.example.com evil"}, "mail server"),
        ({"host": ""}, "mail server"),
        ({"port": 0}, "port"),
        ({"port": 70000}, "port"),
        ({"sender": "not an address"}, "sender"),
        ({"sender": "a@b.example\r\nBcc: x@y.example"}, "sender"),
        ({"sender": "büro@example.com"}, "sender"),
        ({"per_hour": 0}, "limit per hour"),
        ({"password": Secret("")}, "login"),
        ({"user": ""}, "login"),
        ({"security": Security.NONE}, "security"),
    ],
)
def test_what_cannot_work_is_refused_and_said(change: dict[str, object], field: str):
    with pytest.raises(InvalidValue) as refused:
        checked(replace(GOOD, **change))
    assert refused.value.field == field


def test_a_login_may_be_unencrypted_on_this_machine_only():
    assert checked(replace(GOOD, host="127.0.0.1", security=Security.NONE))


def test_its_password_is_never_printed():
    assert "x'" not in repr(GOOD).replace("example", "")
