"""The back office with the whole stack: a real master, its queue, and the tenant server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.back_office import BackOffice
from tests.support.inventory import orphans
from tests.support.odoo_client import OdooError
from tests.support.waiting import eventually, wait_until

from tenantry.engine import Engine
from tenantry.errors import InstanceNotFound
from tenantry.model.names import MASTER_DATABASE
from tenantry.settings import ServerSettings

_ALL_TRIES_S = 300
"""A job is tried eight times, with more than three minutes of waiting in all."""
_NAMES = [f"many-{number}" for number in range(1, 21)]


@pytest.fixture
def acme(office: BackOffice) -> Iterator[int]:
    instance = office.create("acme")
    yield instance
    office.terminate(instance)


def test_the_button_creates_a_running_odoo_and_its_customer_can_log_in(office: BackOffice, acme: int) -> None:
    told = office.read("saas.instance", acme, "url", "health", "run_state", "provisioning_s", "progress")
    assert told["url"] == office.engine.instances.get("acme").url
    assert (told["health"], told["run_state"]) == ("healthy", "running")
    assert told["provisioning_s"] > 0
    assert office.log_in(acme).session_info["username"] == "acme@customer.example"


def test_the_log_has_every_step_and_no_password(office: BackOffice, acme: int) -> None:
    lines = office.call(
        "saas.instance.log", "search_read", [["instance_id", "=", acme]], ["step", "message"], order="id"
    )
    steps = [line["step"] for line in lines if line["step"]]
    assert steps[-3:] == ["publish", "probe", "activate"]
    password = office.password(acme).reveal()
    assert not [line for line in lines if password in line["message"]]
    assert password not in office.engine.master.runtime.log_file.read_text()


def test_an_instance_is_suspended_reactivated_and_terminated(office: BackOffice) -> None:
    instance = office.create("passing")
    office.press("action_suspend", instance, reason="unpaid")
    assert office.wait("saas.instance", instance, ["suspended"])["state_reason"] == "unpaid"
    assert not office.engine.instances.is_serving("passing")
    office.press("action_reactivate", instance)
    office.wait("saas.instance", instance, ["active"])
    assert office.engine.instances.is_serving("passing")
    office.press("action_terminate", instance)
    office.wait("saas.instance", instance, ["terminated"])
    with pytest.raises(InstanceNotFound):
        office.engine.instances.get("passing")
    assert orphans(office.engine.context) == []


def test_a_plans_limit_applies_in_the_tenant_and_a_better_plan_lifts_it_at_once(office: BackOffice) -> None:
    values = {"name": "Solo", "code": "solo", "max_users": 1}
    plan = office.call("saas.plan", "create", [values])[0]
    instance = office.create("limited", plan_id=plan)
    customer = office.log_in(instance)
    colleague = {"name": "Colleague", "login": "colleague@customer.example"}
    with pytest.raises(OdooError, match="1"):
        customer.call("res.users", "create", [colleague])

    better = office.find("saas.plan", code="professional")
    office.call("saas.instance", "change_plan", [instance], better)
    office.wait_for_entitlements()
    assert customer.call("res.users", "create", [colleague])
    office.press("action_check_health", instance)
    assert office.read("saas.instance", instance, "user_count")["user_count"] == 2
    with pytest.raises(OdooError, match=r"2 users.*1"):
        office.call("saas.instance", "change_plan", [instance], plan)
    office.terminate(instance)


def test_simultaneous_changes_of_a_plan_are_applied_one_after_another_with_one_history(
    office: BackOffice, acme: int
) -> None:
    plans = [office.find("saas.plan", code=code) for code in ("professional", "enterprise")] * 2
    with ThreadPoolExecutor(len(plans)) as pool:
        list(pool.map(lambda plan: office.call("saas.instance", "change_plan", [acme], plan), plans))
    fields = ["date_start", "date_end", "plan_id"]
    domain = [["instance_id", "=", acme]]
    rows = office.call("saas.subscription.period", "search_read", domain, fields, order="id")
    (in_force,) = (row for row in rows if row["date_start"] < row["date_end"])
    assert in_force == rows[-1]
    assert office.read("saas.instance", acme, "plan_id")["plan_id"] == in_force["plan_id"]
    (subscription,) = office.call("saas.subscription", "search_read", domain, ["plan_id"])
    assert subscription["plan_id"] == in_force["plan_id"]


def test_twenty_instances_created_at_once_all_become_active(office: BackOffice) -> None:
    instances = [office.instance(name) for name in _NAMES]
    office.press("action_provision_instance", *instances)
    for instance in instances:
        assert office.wait("saas.instance", instance, ["active", "failed"])["state"] == "active"
    assert {instance.name for instance in office.engine.instances.all()} >= set(_NAMES)
    office.terminate(*instances)
    assert orphans(office.engine.context) == []


def test_a_master_killed_during_ten_creations_completes_each_of_them_once(office: BackOffice) -> None:
    instances = [office.instance(name) for name in _NAMES[:10]]
    office.press("action_provision_instance", *instances)
    _wait_for_first_active(office, instances)
    pid = office.engine.master.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    url = office.engine.master.url
    office.engine.start_master()
    assert office.engine.master.url == url

    for instance in instances:
        now = office.wait("saas.instance", instance, ["active", "failed"], _ALL_TRIES_S)
        assert now["state"] == "active"
        office.log_in(instance)
    names = [instance.name for instance in office.engine.instances.all()]
    assert sorted(name for name in names if name in _NAMES) == sorted(_NAMES[:10])
    assert orphans(office.engine.context) == []
    office.terminate(*instances)


def _wait_for_first_active(office: BackOffice, instances: list[int]) -> None:
    active = [["id", "in", instances], ["state", "=", "active"]]
    wait_until(lambda: office.call("saas.instance", "search_count", active), "none becomes active")


def test_restarting_postgresql_delays_creations_and_loses_none(office: BackOffice) -> None:
    master = office.engine
    instances = [office.instance(name) for name in _NAMES[:6]]
    office.press("action_provision_instance", *instances)
    _wait_for_first_active(office, instances)
    master._embedded.stop()
    master.start_postgres()
    wait_until(master.master.is_answering)
    for instance in instances:
        now = office.wait("saas.instance", instance, ["active", "failed"], _ALL_TRIES_S)
        assert now["state"] == "active"
    assert orphans(master.context) == []
    office.terminate(*instances)


def test_a_dead_job_is_run_again_soon_although_other_jobs_wait(office: BackOffice) -> None:
    """No mail server is running: the instance's mail waits for minutes, the queue's runner must not."""
    instance = office.create("found-dead")
    (job, *_older) = office.call("queue.job", "search", [["method_name", "=", "_operate"]], order="id desc")
    engine = office.engine
    owner = engine.context.cluster.as_role(MASTER_DATABASE, engine.context.role_password(MASTER_DATABASE))
    with owner.connect(MASTER_DATABASE) as inside:
        began = "now() AT TIME ZONE 'utc' - interval '5 s'"
        inside.execute(
            f"UPDATE queue_job SET state = 'started', date_enqueued = {began} WHERE id = {job}".encode()
        )
    assert eventually(lambda: office.read("queue.job", job, "state")["state"] == "done", within_s=40)
    office.terminate(instance)


def test_a_full_server_refuses_a_creation_clearly_and_leaves_nothing(office: BackOffice) -> None:
    server = office.find("saas.server", code="local")
    first = office.create("first")
    office.call("saas.server", "write", [server], {"max_instances": 1})
    try:
        second = office.instance("second")
        with pytest.raises(OdooError, match="No capacity"):
            office.press("action_provision_instance", second)
        assert office.read("saas.instance", second, "state", "server_id") == {
            "id": second,
            "state": "draft",
            "server_id": False,
        }
        with pytest.raises(InstanceNotFound):
            office.engine.instances.get("second")
        alerts = [["res_model", "=", "saas.server"], ["summary", "=", "No capacity for new instances"]]
        assert office.call("mail.activity", "search_count", alerts) == 1
    finally:
        office.call("saas.server", "write", [server], {"max_instances": 100})
        office.terminate(first)


def wait_until_serving(engine: Engine, name: str) -> None:
    """A server that has just started must load the instance first."""
    wait_until(lambda: engine.instances.is_serving(name), f"{name} is not served")


def test_a_base_domain_set_in_the_back_office_is_served_after_the_next_start(office: BackOffice) -> None:
    engine, instance = office.engine, office.create("moving")
    settings = office.call("res.config.settings", "create", [{"saas_base_domain": "cloud.example"}])
    office.call("res.config.settings", "execute", settings)
    renamed = Engine(
        ServerSettings.from_environment({**engine.settings.to_environment(), "TENANTRY_BASE_DOMAIN": ""})
    )
    assert renamed.settings.base_domain == "cloud.example"
    try:
        renamed.start_tenants()
        renamed.start_master()
        wait_until_serving(renamed, "moving")
        assert not engine.instances.is_serving("moving")
        moved = BackOffice(renamed)
        assert "//moving.cloud.example" in moved.read("saas.instance", instance, "url")["url"]
    finally:
        engine.settings.installation.file.unlink()
        engine.start_tenants()
        engine.start_master()
        office = BackOffice(engine)
        # The master may have checked while the tenant server was down.
        server = office.find("saas.server", code="local")
        office.call("saas.server", "action_test_connection", [server])
        assert office.read("saas.server", server, "health")["health"] in ("healthy", "warning")
        office.terminate(instance)


def test_a_creation_that_cannot_succeed_fails_with_its_reason_and_can_be_retried(
    office: BackOffice,
) -> None:
    instance = office.instance("nowhere", country_id=office.nowhere())
    office.press("action_provision_instance", instance)
    now = office.wait("saas.instance", instance, ["active", "failed"])
    assert now["state"] == "failed"
    assert "QQ" in now["state_reason"]
    assert orphans(office.engine.context) == []

    office.call("saas.instance", "write", [instance], {"country_id": False})
    office.press("action_retry", instance)
    assert office.wait("saas.instance", instance, ["active", "failed"])["state"] == "active"
    office.terminate(instance)
