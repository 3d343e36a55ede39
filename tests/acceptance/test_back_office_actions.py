"""An operator's actions on an existing instance, from the button to the customer's Odoo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.support.back_office import BackOffice
from tests.support.inventory import orphans
from tests.support.odoo_client import OdooError
from tests.support.waiting import eventually, wait_until

from tenantry.model.names import MASTER_DATABASE
from tenantry.operations.context import Context
from tenantry.operations.inventory import find_instance
from tenantry.postgres import locks

DOMAIN = "odoo.acme.example"


@pytest.fixture
def acme(office: BackOffice) -> Iterator[int]:
    instance = office.create("acme")
    yield instance
    office.terminate(instance)
    assert orphans(office.engine.context) == []


def status(office: BackOffice, name: str, hostname: str = "") -> int:
    return office.engine.context.route(name, hostname).get("/web/login")


def domains(office: BackOffice, instance: int) -> list[tuple[str, str, str]]:
    wanted = [[["instance_id", "=", instance]], ["name", "state", "reason"]]
    found = office.call("saas.instance.hostname", "search_read", *wanted)
    return [(row["name"], row["state"], row["reason"]) for row in found]


def test_a_domain_is_added_to_a_running_instance_and_removed(office: BackOffice, acme: int) -> None:
    office.call("saas.instance", "write", [acme], {"hostname_ids": [[0, 0, {"name": DOMAIN}]]})
    office.wait("saas.instance", acme, ["active"])
    assert status(office, "acme", DOMAIN) == 200
    assert domains(office, acme) == [(DOMAIN, "live", False)]

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
    now = office.read("saas.instance", acme, "subdomain", "database_name", "url", "failure")
    assert (now["subdomain"], now["database_name"]) == ("zenith", "zenith"), now["failure"]
    assert now["url"] == office.engine.instances.get("zenith").url
    assert (status(office, "zenith"), status(office, "acme")) == (200, 404)
    assert office.log_in(acme).session_info["username"] == "acme@customer.example"


def test_a_module_is_installed_in_a_running_instance(office: BackOffice, acme: int) -> None:
    customer = office.log_in(acme)
    with pytest.raises(OdooError, match="no_such_module"):
        office.call("saas.instance", "install_modules", [acme], ["no_such_module"])
    office.call("saas.instance", "install_modules", [acme], ["calendar"])
    now = office.wait(
        "saas.instance",
        acme,
        ["active"],
    )
    assert not now["failure"]
    assert customer.call("calendar.event", "search_count", []) == 0


def test_a_visit_is_shown_on_the_form_and_opening_the_form_is_not_a_visit(
    office: BackOffice, acme: int
) -> None:
    def look() -> dict[str, Any]:
        fields = ("process_state", "awake_since", "process_memory_mb", "process_requests", "process_message")
        return office.read("saas.instance", acme, *fields)

    is_measured = eventually(lambda: office.read("saas.instance", acme, "checked_at")["checked_at"])
    assert is_measured, office.read("saas.instance", acme, "health", "health_message", "operation")
    office.engine.runtime.end("acme")
    for _time in range(2):
        assert look() == {
            "id": acme,
            "process_state": "asleep",
            "awake_since": False,
            "process_memory_mb": 0.0,
            "process_requests": 0,
            "process_message": False,
        }
    assert status(office, "acme") == 200
    now = look()
    assert (now["process_state"], now["process_message"]) == ("awake", False)
    assert now["awake_since"]
    assert now["process_memory_mb"] > 1
    assert now["process_requests"] >= 1
    (dialogue,) = office.call("saas.instance.process.log", "create", [{"instance_id": acme}])
    assert "GET /web/login" in office.read("saas.instance.process.log", dialogue, "text")["text"]


def test_a_plans_idle_minutes_are_applied_to_a_running_instance(office: BackOffice, acme: int) -> None:
    plan = office.find("saas.plan", code="starter")
    for minutes, limits in ((7, {"idle_s": 420}), (0, {})):
        office.call("saas.plan", "write", [plan], {"sleep_after_minutes": minutes})
        office.wait_for_entitlements()
        assert limits_of(office, "acme") == limits


def test_a_change_is_not_lost_to_a_job_that_began_before_it_was_committed(
    office: BackOffice, acme: int
) -> None:
    plan = office.find("saas.plan", code="starter")
    context = office.engine.context

    def change(minutes: int) -> None:
        office.call("saas.plan", "write", [plan], {"sleep_after_minutes": minutes})

    office.wait_for_entitlements()
    with ThreadPoolExecutor() as pool, context.cluster.connect(MASTER_DATABASE) as master:
        with context.maintenance() as connection, locks.exclusive(connection, "instance acme"):
            change(7)
            wait_until(lambda: office.entitlements_to_come(retry=1), "the first job waits")
            with master.transaction():
                master.execute("SELECT 1 FROM saas_plan WHERE id = %s FOR UPDATE", [plan])
                second = pool.submit(change, 0)
                wait_until(lambda: is_blocked(context, "saas_plan"), "the second change waits")
                connection.execute("SELECT pg_advisory_unlock_all()")
                wait_until(lambda: limits_of(office, "acme") == {"idle_s": 420}, "the first one is known")
        second.result()
    office.wait_for_entitlements()
    assert limits_of(office, "acme") == {}


def is_blocked(context: Context, table: str) -> bool:
    """Whether a session waits to write that table."""
    blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
    with context.maintenance() as connection:
        return connection.execute(blocked, [f'%UPDATE "{table}"%']).fetchone() is not None


def limits_of(office: BackOffice, name: str) -> Mapping[str, float]:
    with office.engine.context.maintenance() as connection:
        return find_instance(connection, name).limits


def test_an_instance_is_backed_up_proved_and_restored_and_its_data_put_back(
    office: BackOffice, acme: int
) -> None:
    customer = office.log_in(acme)

    def names() -> list[str]:
        found = customer.call("res.partner", "search_read", [["name", "like", "Backup"]], ["name"])
        return sorted(row["name"] for row in found)

    def backups() -> list[dict[str, Any]]:
        return office.call(
            "saas.backup",
            "search_read",
            [["instance_id", "=", acme]],
            ["reference", "reason", "proof_state", "proof_detail", "restore_s"],
        )

    customer.call("res.partner", "create", {"name": "Backup: before"})
    office.press("action_backup", acme)
    now = office.wait("saas.instance", acme, ["active"])
    assert not now["failure"]
    wait_until(lambda: backups()[0]["proof_state"] != "not_yet", "it is not proved")
    (backup,) = backups()
    assert (backup["proof_state"], backup["reason"]) == ("proved", "asked"), backup["proof_detail"]
    assert backup["restore_s"] > 0

    customer.call("res.partner", "create", {"name": "Backup: after"})
    office.call("saas.instance", "restore_backup", [acme], backup["id"])
    now = office.wait("saas.instance", acme, ["active"])
    assert not now["failure"]
    assert names() == ["Backup: before"]
    assert office.read("saas.instance", acme, "has_former_data")["has_former_data"]

    office.press("action_put_back", acme)
    now = office.wait("saas.instance", acme, ["active"])
    assert not now["failure"]
    assert names() == ["Backup: after", "Backup: before"]
    office.press("action_confirm_restore", acme)
    assert office.engine.backups.kept() == []
