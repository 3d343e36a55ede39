"""What an operator does with an instance that lives, from the button to the customer's Odoo."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.back_office import BackOffice
from tests.support.inventory import orphans
from tests.support.odoo_client import OdooError

DOMAIN = "odoo.acme.example"


@pytest.fixture
def acme(office: BackOffice) -> Iterator[int]:
    instance = office.create("acme")
    yield instance
    office.terminate(instance)
    assert orphans(office.engine.context) == []


def status(office: BackOffice, name: str, hostname: str = "") -> int:
    return office.engine.runtime.route(name, hostname).get("/web/login")


def test_a_domain_is_given_to_a_running_instance_and_taken_away(office: BackOffice, acme: int) -> None:
    office.call("saas.instance", "write", [acme], {"hostname_ids": [[0, 0, {"name": DOMAIN}]]})
    office.wait("saas.instance", acme, ["active"])
    assert status(office, "acme", DOMAIN) == 200

    values = {"hostname_ids": [[0, 0, {"name": "beta.localhost"}]]}
    with pytest.raises(OdooError, match="localhost"):
        office.call("saas.instance", "write", [acme], values)

    office.call("saas.instance", "write", [acme], {"hostname_ids": [[5, 0, 0]]})
    office.wait("saas.instance", acme, ["active"])
    assert status(office, "acme", DOMAIN) == 404


def test_an_instance_is_stopped_started_and_restarted(office: BackOffice, acme: int) -> None:
    for action, run_state, answer in (
        ("action_stop", "stopped", 503),
        ("action_start", "running", 200),
        ("action_restart", "running", 200),
    ):
        office.press(action, acme)
        office.wait("saas.instance", acme, ["active"])
        assert office.read("saas.instance", acme, "run_state")["run_state"] == run_state
        assert status(office, "acme") == answer
    office.press("action_stop", acme)
    office.wait("saas.instance", acme, ["active"])
    office.press("action_check_health", acme)
    assert office.read("saas.instance", acme, "health")["health"] == "unknown"


def test_an_instance_moves_to_another_subdomain_with_its_customer(office: BackOffice, acme: int) -> None:
    office.call("saas.instance", "change_subdomain", [acme], "zenith")
    office.wait("saas.instance", acme, ["active"])
    now = office.read("saas.instance", acme, "subdomain", "database_name", "url", "state_reason")
    assert (now["subdomain"], now["database_name"]) == ("zenith", "zenith"), now["state_reason"]
    assert now["url"] == office.engine.instance("zenith").url
    assert (status(office, "zenith"), status(office, "acme")) == (200, 404)
    assert office.log_in(acme).session_info["username"] == "acme@customer.example"


def test_a_module_is_installed_where_its_customer_works(office: BackOffice, acme: int) -> None:
    customer = office.log_in(acme)
    with pytest.raises(OdooError, match="no_such_module"):
        office.call("saas.instance", "install_modules", [acme], ["no_such_module"])
    office.call("saas.instance", "install_modules", [acme], ["calendar"])
    now = office.wait("saas.instance", acme, ["active"], timeout_s=180)
    assert not now["state_reason"]
    assert customer.call("calendar.event", "search_count", []) == 0
