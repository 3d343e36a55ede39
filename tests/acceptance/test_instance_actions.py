"""Actions on an existing instance: domains, stop, start, restart, modules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.inventory import orphans
from tests.support.killed import run_and_kill
from tests.support.odoo_client import OdooError, browser
from tests.support.tenants import ask, create, is_left_alone, log_in, status, swept
from tests.support.waiting import wait_until

from tenantry.engine import Engine
from tenantry.errors import (
    InstanceNotFound,
    InvalidTransition,
    InvalidValue,
    ModuleNotFound,
    NameTaken,
)
from tenantry.model.activity import Activity
from tenantry.model.catalog import State
from tenantry.operations import inventory
from tenantry.operations.instance import lifecycle
from tenantry.operations.instance.modules import install_log

DOMAIN = "odoo.acme.example"


@pytest.fixture(autouse=True)
def clean(engine: Engine) -> Iterator[None]:
    with swept(engine):
        yield


# ---------------------------------------------------------------- domains


def test_an_added_domain_is_served_at_once_and_a_removed_one_is_not(engine: Engine):
    create(engine)
    assert status(engine, "acme", DOMAIN) == 404
    assert engine.instances.set_hostnames("acme", [DOMAIN.upper()]).hostnames == (DOMAIN,)
    assert status(engine, "acme", DOMAIN) == 200
    engine.instances.set_hostnames("acme", [])
    assert status(engine, "acme", DOMAIN) == 404
    assert status(engine, "acme") == 200


def test_a_domain_of_another_instance_is_refused_until_that_instance_releases_it(engine: Engine):
    create(engine, hostnames=[DOMAIN])
    create(engine, "beta")
    with pytest.raises(NameTaken):
        engine.instances.set_hostnames("beta", [DOMAIN])
    assert engine.instances.get("beta").hostnames == ()
    engine.instances.set_hostnames("acme", [])
    engine.instances.set_hostnames("beta", [DOMAIN])


def test_an_invalid_domain_is_refused_and_nothing_changes(engine: Engine):
    create(engine, hostnames=[DOMAIN])
    for hostname in ("beta.localhost", "localhost", "no host", "short"):
        with pytest.raises(InvalidValue):
            engine.instances.set_hostnames("acme", [hostname])
    assert engine.instances.get("acme").hostnames == (DOMAIN,)


# ---------------------------------------------------------------- stop, start, restart


def test_a_stopped_instance_shows_a_page_and_stays_stopped_until_it_is_started(engine: Engine):
    creation = create(engine)
    assert engine.instances.stop("acme").state is State.STOPPED
    answer = _page(engine)
    assert answer.status_code == 503
    assert "This Odoo is stopped" in answer.text
    assert _page(engine, Accept="application/json").json()["error_code"] == "INVALID_STATE"
    assert is_left_alone(engine)
    assert engine.instances.start("acme").state is State.ACTIVE
    engine.instances.prove_login(creation)


def _page(engine: Engine, **headers: str):
    with browser(engine.context.route("acme")) as visitor:
        return visitor.get("/web/login", headers=headers)


def test_no_scheduled_job_of_a_stopped_instance_runs(engine: Engine):
    create(engine)
    engine.instances.stop("acme")
    assert is_left_alone(engine)
    ask(engine, "acme", "UPDATE ir_cron SET nextcall = '2000-01-01' RETURNING id")
    # Due jobs are looked for at a request, every minute, or at a NOTIFY as here.
    with engine.context.maintenance() as connection:
        connection.execute("NOTIFY cron_trigger, 'acme'")
    create(engine, "beta")
    assert ask(engine, "acme", "SELECT count(*) FROM ir_cron WHERE nextcall > '2000-01-01'") == [(0,)]
    assert is_left_alone(engine)


def test_stopping_and_starting_twice_changes_nothing(engine: Engine):
    create(engine)
    for _time in range(2):
        assert engine.instances.stop("acme").state is State.STOPPED
    for _time in range(2):
        assert engine.instances.start("acme").state is State.ACTIVE


def test_a_stopped_instance_is_suspended_and_terminated_like_any_other(engine: Engine):
    create(engine)
    engine.instances.stop("acme")
    assert engine.instances.suspend("acme").state is State.SUSPENDED
    with pytest.raises(InvalidTransition):
        engine.instances.start("acme")
    assert engine.instances.reactivate("acme").state is State.ACTIVE
    engine.instances.stop("acme")
    log = install_log(engine.settings, "acme")
    log.write_text("what Odoo said of the customer's modules")
    engine.instances.terminate("acme")
    with pytest.raises(InstanceNotFound):
        engine.instances.get("acme")
    assert not log.exists(), "A later instance of that name is another customer's."


def test_a_restart_loads_the_instance_again(engine: Engine):
    creation = create(engine)
    steps: list[str] = []
    engine.instances.restart("acme", lambda event: steps.append(event.step))
    assert list(dict.fromkeys(steps)) == ["stop", "lock", "sessions", "blocked", "unlock", "start", "probe"]
    engine.instances.prove_login(creation)


@pytest.mark.parametrize("step", [step.name for step in (*lifecycle.STOP, *lifecycle.START)])
def test_a_restart_killed_after_any_step_is_finished_by_the_next_run(engine: Engine, step: str):
    creation = create(engine)
    run_and_kill(engine.settings, "restart", step, "acme")
    assert orphans(engine.context) == []
    assert engine.instances.restart("acme").state is State.ACTIVE
    engine.instances.prove_login(creation)


# ---------------------------------------------------------------- its process


def activity(engine: Engine, name: str = "acme") -> Activity:
    (found,) = engine.instances.activities([name])
    return found


def address_space(engine: Engine) -> int:
    """The kernel's limit on the address space of acme's process, in bytes."""
    text = Path(f"/proc/{activity(engine).pid}/limits").read_text()
    return int(re.findall(r"Max address space +(\d+)", text)[0])


def test_a_plans_process_limits_apply_from_the_next_wake(engine: Engine):
    create(engine, limits={"memory_mb": 512})
    assert address_space(engine) == 512 * 2**20
    engine.instances.set_limits("acme", {"idle_s": 1})
    assert address_space(engine) == 512 * 2**20
    engine.runtime.end("acme")
    assert status(engine, "acme") == 200
    assert address_space(engine) == engine.settings.tenant_memory_mb * 2**20
    wait_until(lambda: not activity(engine).is_awake, "it does not sleep")


def test_impossible_process_limits_are_refused_and_nothing_changes(engine: Engine):
    create(engine, limits={"idle_s": 600})
    with pytest.raises(InvalidValue):
        engine.instances.set_limits("acme", {"memory_mb": 1})
    with engine.context.maintenance() as connection:
        assert inventory.find_instance(connection, "acme").limits == {"idle_s": 600}


# ---------------------------------------------------------------- modules


def test_modules_installed_in_a_running_instance_are_served(engine: Engine):
    creation = create(engine)
    customer = log_in(engine, creation)
    with pytest.raises(OdooError):
        customer.call("calendar.event", "search_count", [])
    assert engine.instances.install_modules("acme", ["calendar"]) == ["calendar"]
    assert "calendar" in "\n".join(engine.instances.install_logs("acme", count=200))
    assert customer.call("calendar.event", "search_count", []) == 0
    assert status(engine, "acme") == 200
    assert engine.instances.install_modules("acme", ["calendar"]) == []
    assert engine.instances.install_logs("acme") == [], "Odoo was not run this time."
    assert list(engine.settings.run_dir.glob("install-*")) == []


def test_an_unknown_module_is_refused_and_nothing_is_installed(engine: Engine):
    create(engine)
    with pytest.raises(ModuleNotFound):
        engine.instances.install_modules("acme", ["calendar", "no_such_module"])
    with pytest.raises(ModuleNotFound) as refusal:
        engine.instances.check_modules(["calendr"])
    assert "Did you mean calendar" in refusal.value.remedy
    with pytest.raises(InvalidValue):
        engine.instances.install_modules("acme", [])
    assert (
        ask(engine, "acme", "SELECT 1 FROM ir_module_module WHERE name='calendar' AND state='installed'")
        == []
    )
