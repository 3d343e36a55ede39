"""Webhooks of the real master, with a real receiver that uses the official library and without one."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError
from tests.support.back_office import BackOffice
from tests.support.odoo_client import OdooError
from tests.support.webhook_receiver import Receiver

_ALLOW_PRIVATE = "saas_api.webhooks_allow_private"
_TIMEOUT_S = 150
"""A job that was lost is found again within a minute and a half."""


@pytest.fixture
def office(office: BackOffice) -> Iterator[BackOffice]:
    """Receivers run on this machine, so private addresses are allowed; endpoints are removed afterwards."""
    office.call("ir.config_parameter", "set_param", _ALLOW_PRIVATE, "1")
    yield office
    office.call("ir.config_parameter", "set_param", _ALLOW_PRIVATE, False)
    found = office.call("saas.webhook", "search", [], context={"active_test": False})
    office.call("saas.webhook", "unlink", found)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.start()
    yield receiver
    receiver.stop()


def listen(office: BackOffice, receiver: Receiver, **values: Any) -> tuple[int, str]:
    """Create an endpoint for the receiver; return it and the secret that an administrator sees."""
    values = {"name": "Test", "url": receiver.url, **values}
    webhook = office.call("saas.webhook", "create", [values])[0]
    shown = office.call("saas.webhook", "action_show_secret", [webhook])
    return webhook, shown["context"]["default_secret"]


def deliveries(office: BackOffice, webhook: int) -> list[dict[str, Any]]:
    fields = ["state", "status", "attempt_count", "error", "message_id"]
    return office.call("saas.webhook.delivery", "search_read", [["webhook_id", "=", webhook]], fields)


def wait_for_deliveries(office: BackOffice, webhook: int, **expected: Any) -> list[dict[str, Any]]:
    """Wait until all its messages have this state; a message arrives before it is recorded as delivered."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        found = deliveries(office, webhook)
        if found and all(expected.items() <= delivery.items() for delivery in found):
            return found
        assert time.monotonic() < deadline, f"{found}, not {expected}"
        time.sleep(0.05)


def wait_for_delivery(office: BackOffice, webhook: int, **expected: Any) -> dict[str, Any]:
    """Wait for the same of its only message."""
    (found,) = wait_for_deliveries(office, webhook, **expected)
    return found


def test_a_program_receives_every_event_of_an_instance(office: BackOffice, receiver: Receiver) -> None:
    webhook, secret = listen(office, receiver)
    life = ["instance.provisioned", "instance.suspended", "instance.reactivated", "instance.terminated"]
    instance = office.create("heard")
    receiver.wait_for(life[:1])
    office.press("action_suspend", instance, reason="March was not paid")
    receiver.wait_for(life[:2])
    office.wait("saas.instance", instance, ["suspended"])
    office.press("action_reactivate", instance)
    receiver.wait_for(life[:3])
    office.terminate(instance)
    receiver.wait_for(life)

    told = [message.verified(secret) for message in receiver.messages]
    assert [message["data"]["instance"]["state"] for message in told] == [
        "active",
        "suspended",
        "active",
        "terminated",
    ]
    assert {message["data"]["instance"]["subdomain"] for message in told} == {"heard"}
    assert told[0]["data"]["customer"] == {"name": "heard", "email": "heard@customer.example"}
    assert told[0]["data"]["instance"]["url"].startswith("http://heard.localhost")
    assert told[1]["data"]["reason"] == "March was not paid"
    assert [message["timestamp"] for message in told] == sorted(message["timestamp"] for message in told)
    assert "password" not in "".join(message.body for message in receiver.messages)
    assert len(wait_for_deliveries(office, webhook, state="delivered")) == len(life)

    tampered = replace(receiver.messages[0], body=receiver.messages[0].body.replace("heard", "other"))
    with pytest.raises(WebhookVerificationError):
        tampered.verified(secret)


def test_a_failed_delivery_is_repeated_with_the_same_id(office: BackOffice, receiver: Receiver) -> None:
    webhook, secret = listen(office, receiver)
    receiver.answers = [500]
    office.call("saas.webhook", "action_test", [webhook])
    found = wait_for_delivery(office, webhook, state="delivered")
    assert (found["attempt_count"], found["status"]) == (2, 200)
    assert [message.verified(secret)["type"] for message in receiver.messages] == ["ping", "ping"]
    assert {message.id for message in receiver.messages} == {found["message_id"]}


def test_a_receiver_that_was_down_gets_the_message_by_a_replay(
    office: BackOffice, receiver: Receiver
) -> None:
    webhook, secret = listen(office, receiver)
    receiver.stop()
    office.call("saas.webhook", "action_test", [webhook])
    found = wait_for_delivery(office, webhook, state="pending", attempt_count=2)
    assert "refused" in found["error"]

    receiver.start()
    office.call("saas.webhook.delivery", "action_replay", [found["id"]])
    wait_for_delivery(office, webhook, state="delivered", attempt_count=3)
    (message,) = receiver.messages
    assert message.verified(secret)["type"] == "ping"
    assert message.id == found["message_id"]


def test_another_customers_program_receives_nothing(office: BackOffice, receiver: Receiver) -> None:
    his, mine = Receiver(), receiver
    his.start()
    customer, other = office.customer("listening"), office.customer("somebody-else")
    listen(office, his, partner_id=other)
    _webhook, secret = listen(office, mine, partner_id=customer)
    instance = office.create("listening", partner_id=customer)
    mine.wait_for(["instance.provisioned"])
    office.terminate(instance)
    mine.wait_for(["instance.provisioned", "instance.terminated"])
    assert mine.messages[0].verified(secret)["data"]["customer"]["name"] == "listening"
    assert his.messages == []
    his.stop()


def test_a_private_address_is_refused_unless_it_is_allowed(office: BackOffice, receiver: Receiver) -> None:
    webhook, _secret = listen(office, receiver)
    office.call("ir.config_parameter", "set_param", _ALLOW_PRIVATE, False)
    for url, reason in (
        ("http://example.com", "https only"),
        ("https://169.254.169.254/", "private address"),
    ):
        with pytest.raises(OdooError, match=reason):
            office.call("saas.webhook", "create", [{"name": "Test", "url": url}])
    office.call("saas.webhook", "action_test", [webhook])
    wait_for_delivery(office, webhook, state="pending", attempt_count=1)
    assert receiver.messages == []


def test_a_master_killed_during_a_delivery_delivers_the_message_later(
    office: BackOffice, receiver: Receiver
) -> None:
    webhook, secret = listen(office, receiver)
    receiver.may_answer.clear()
    office.call("saas.webhook", "action_test", [webhook])
    receiver.wait_for(["ping"])
    pid = office.engine.master.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    receiver.may_answer.set()
    office.engine.start_master()

    found = wait_for_delivery(office, webhook, state="delivered")
    assert [json.loads(message.body)["type"] for message in receiver.messages] == ["ping", "ping"]
    assert {message.id for message in receiver.messages} == {found["message_id"]}
    assert receiver.messages[-1].verified(secret)
