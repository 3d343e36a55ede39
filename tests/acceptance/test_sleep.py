"""A tenant without visitors has no process; a visitor or a due job wakes it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
from tests.support.odoo_client import OdooClient
from tests.support.processes import zygotes
from tests.support.tenants import ask, create, status, swept
from tests.support.waiting import eventually
from tests.support.websocket import websocket

from tenantry.agreed import NEXT_DUE
from tenantry.engine import Engine
from tenantry.model.activity import Activity
from tenantry.model.instance import Creation
from tenantry.model.names import zygote_database

NAMES = ("acme", "beta", "gamma", "delta")
SLEEP_AFTER_S = 2
_SLEEPS_WITHIN_S = 30
_WAKES, _AT_ONCE = 60, 20
_DUE_IN_S, _MAY_BE_LATE_S = 6, 10
_ROWS_WRITTEN = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::int FROM pg_stat_user_tables"
_TRIGGERED_AND_NOT_ACTIVE = """
    UPDATE ir_cron SET active = false, nextcall = nextcall + interval '1 day';
    UPDATE ir_cron SET active = true WHERE id = (SELECT min(id) FROM ir_cron);
    DELETE FROM ir_cron_trigger;
    INSERT INTO ir_cron_trigger (cron_id, call_at)
    SELECT max(id), (now() AT TIME ZONE 'UTC') - interval '1 minute' FROM ir_cron
"""
_COUNTERS = """
    SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL ORDER BY sequencename
"""


@pytest.fixture(scope="module")
def sleepy(engine: Engine) -> Iterator[Engine]:
    """The same installation with tenants that fall asleep soon."""
    with swept(engine):
        found = Engine(engine.settings.replaced(sleep_after_s=SLEEP_AFTER_S))
        found.start_tenants()
        yield found
        engine.start_tenants()


@pytest.fixture(scope="module")
def creations(sleepy: Engine) -> dict[str, Creation]:
    made = {name: create(sleepy, name) for name in NAMES}
    for name in NAMES:
        plan_jobs(sleepy, name, "1 day")
    return made


@pytest.fixture
def acme(sleepy: Engine, creations: dict[str, Creation]) -> OdooClient:
    return OdooClient(sleepy, creations["acme"])


def plan_jobs(engine: Engine, name: str, when: str) -> None:
    """Make all scheduled jobs due from now on, as if none had run yet."""
    with engine.context.cluster.connect(name) as inside:
        inside.execute("DELETE FROM ir_cron_trigger")
        inside.execute(
            "UPDATE ir_cron SET lastcall = NULL, nextcall = (now() AT TIME ZONE 'UTC') + %s::interval", [when]
        )


def activity(engine: Engine, name: str) -> Activity:
    return next(found for found in engine.instances.activities() if found.name == name)


def falls_asleep(engine: Engine, name: str) -> bool:
    return eventually(lambda: not activity(engine, name).is_awake, _SLEEPS_WITHIN_S)


def send_to_sleep(engine: Engine, name: str) -> None:
    engine.runtime.end(name)
    assert not activity(engine, name).is_awake


# ---------------------------------------------------------------- visitors


def test_a_tenant_falls_asleep_and_the_next_visitor_wakes_it(sleepy: Engine, acme: OdooClient):
    awake = activity(sleepy, "acme")
    assert awake.is_awake
    assert psutil.pid_exists(awake.pid)
    assert falls_asleep(sleepy, "acme")
    assert not psutil.pid_exists(awake.pid)
    assert status(sleepy, "acme") == 200
    assert activity(sleepy, "acme").is_awake


def test_users_stay_logged_in_while_the_tenant_sleeps(sleepy: Engine, acme: OdooClient):
    assert falls_asleep(sleepy, "acme")
    assert acme.post("/web/session/get_session_info")["db"] == "acme"


def test_no_request_fails_when_a_tenant_is_woken_repeatedly(sleepy: Engine, acme: OdooClient):
    answers = []
    for _ in range(_WAKES):
        send_to_sleep(sleepy, "acme")
        answers.append(status(sleepy, "acme"))
    assert answers == [200] * _WAKES


def test_no_request_fails_while_a_tenant_falls_asleep(sleepy: Engine, acme: OdooClient):
    """Requests are sent without a pause while the process is ended."""
    answers: list[int] = []
    is_over = threading.Event()

    def visit() -> None:
        while not is_over.is_set():
            answers.append(status(sleepy, "acme"))

    visitor = threading.Thread(target=visit)
    visitor.start()
    for _ in range(10):
        time.sleep(0.2)
        sleepy.runtime.end("acme")
    is_over.set()
    visitor.join()
    assert len(answers) > 10
    assert set(answers) == {200}


def test_a_visitor_whose_process_is_ended_before_it_is_there_gets_another(sleepy: Engine, acme: OdooClient):
    send_to_sleep(sleepy, "acme")
    with ThreadPoolExecutor(1) as pool, stopped_zygotes(sleepy):
        answer = pool.submit(status, sleepy, "acme")
        assert eventually((sleepy.settings.run_dir / "awake" / "acme.board").exists)
        sleepy.runtime.end("acme")
    assert answer.result() == 200


@contextmanager
def stopped_zygotes(engine: Engine) -> Iterator[None]:
    """Zygotes that do not fork meanwhile."""
    found = zygotes(engine)
    assert found
    for zygote in found:
        zygote.suspend()
    yield
    for zygote in found:
        zygote.resume()


def test_many_visitors_at_once_wake_one_process(sleepy: Engine, acme: OdooClient):
    send_to_sleep(sleepy, "acme")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda _number: status(sleepy, "acme"), range(_AT_ONCE)))
    assert answers == [200] * _AT_ONCE
    assert activity(sleepy, "acme").requests >= _AT_ONCE


def test_tenants_are_woken_in_parallel(sleepy: Engine, acme: OdooClient):
    for name in NAMES:
        send_to_sleep(sleepy, name)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda name: status(sleepy, name), NAMES * (_AT_ONCE // len(NAMES))))
    assert answers == [200] * _AT_ONCE
    pids = {activity(sleepy, name).pid for name in NAMES}
    assert len(pids - {0}) == len(NAMES)


# ---------------------------------------------------------------- websockets


def test_a_websocket_keeps_its_tenant_awake_and_suspension_closes_it(sleepy: Engine, acme: OdooClient):
    closed_at: list[float] = []
    with websocket(sleepy, sleepy.context.route("acme"), acme.http.cookies["session_id"]) as connection:
        pid = activity(sleepy, "acme").pid
        time.sleep(4 * SLEEP_AFTER_S)
        awake = activity(sleepy, "acme")
        assert (awake.pid, awake.websockets) == (pid, 1)
        assert connection.ping()

        def wait() -> None:
            connection.wait_until_closed()
            closed_at.append(time.monotonic())

        waiting = threading.Thread(target=wait)
        waiting.start()
        began = time.monotonic()
        sleepy.instances.suspend("acme")
        waiting.join()
    try:
        assert closed_at[0] - began < 2
    finally:
        sleepy.instances.reactivate("acme")


def test_a_tenant_falls_asleep_after_its_last_websocket_is_closed(sleepy: Engine, acme: OdooClient):
    with websocket(sleepy, sleepy.context.route("acme"), acme.http.cookies["session_id"]):
        assert eventually(lambda: activity(sleepy, "acme").websockets == 1)
    assert falls_asleep(sleepy, "acme")


# ---------------------------------------------------------------- scheduled jobs


def test_a_job_that_is_due_wakes_its_tenant_which_then_sleeps_again(
    sleepy: Engine, creations: dict[str, Creation]
):
    _let_jobs_be_due_in_their_sleep(sleepy, ["beta"])
    # On a busy machine the job may have started already.
    has_begun = late_by_s(sleepy, "beta") is not None
    assert has_begun or 0 < (activity(sleepy, "beta").next_job_s or 0) <= _DUE_IN_S
    assert eventually(lambda: late_by_s(sleepy, "beta") is not None, _DUE_IN_S + _MAY_BE_LATE_S)
    assert (late_by_s(sleepy, "beta") or 0) < _MAY_BE_LATE_S
    assert falls_asleep(sleepy, "beta")
    # The spawner also sees the jobs that are planned next.
    assert eventually(lambda: (activity(sleepy, "beta").next_job_s or 0) > 60)


def test_a_job_that_is_not_active_is_never_due(sleepy: Engine, acme: OdooClient):
    """Odoo would not run it, and its tenant would be woken again and again."""
    with sleepy.context.cluster.connect("acme") as inside, inside.transaction(force_rollback=True):
        inside.execute(_TRIGGERED_AND_NOT_ACTIVE)
        assert inside.execute(NEXT_DUE.encode()).fetchone()[0] > 0
        inside.execute("UPDATE ir_cron SET active = true")
        assert inside.execute(NEXT_DUE.encode()).fetchone()[0] < 0


def test_the_jobs_of_several_sleeping_tenants_all_start_in_time(
    sleepy: Engine, creations: dict[str, Creation]
):
    others = ["acme", "gamma", "delta"]
    _let_jobs_be_due_in_their_sleep(sleepy, others)
    for name in others:
        assert eventually(lambda name=name: late_by_s(sleepy, name) is not None, _DUE_IN_S + _MAY_BE_LATE_S)
        assert (late_by_s(sleepy, name) or 0) < _MAY_BE_LATE_S


def test_a_tenant_falls_asleep_although_its_database_is_unreachable(sleepy: Engine, acme: OdooClient):
    send_to_sleep(sleepy, "acme")
    assert status(sleepy, "acme") == 200
    with sleepy.context.maintenance() as connection:
        connection.execute("ALTER ROLE acme NOLOGIN")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'acme'")
    try:
        assert falls_asleep(sleepy, "acme")
    finally:
        with sleepy.context.maintenance() as connection:
            connection.execute("ALTER ROLE acme LOGIN")


def _let_jobs_be_due_in_their_sleep(engine: Engine, wanted: list[str]) -> None:
    """Jobs are planned while the tenants are awake; the spawner reads them when the tenants fall asleep."""
    for name in wanted:
        assert status(engine, name) == 200
    for name in wanted:
        plan_jobs(engine, name, f"{_DUE_IN_S} s")
        with engine.context.cluster.connect(name) as inside:
            inside.execute("DROP TABLE IF EXISTS test_due")
            inside.execute("CREATE TABLE test_due AS SELECT min(nextcall) AS at FROM ir_cron WHERE active")
        send_to_sleep(engine, name)
    assert eventually(lambda: all(activity(engine, n).next_job_s is not None for n in wanted))


def late_by_s(engine: Engine, name: str) -> float | None:
    """The delay of the first job's start; None if no job has started."""
    ((late_s,),) = ask(
        engine,
        name,
        "SELECT extract(epoch FROM (SELECT min(lastcall) FROM ir_cron) - (SELECT at FROM test_due))::float8",
    )
    return late_s


# ---------------------------------------------------------------- reports


def test_the_activity_and_the_log_of_each_tenant_are_reported(sleepy: Engine, acme: OdooClient):
    awake = activity(sleepy, "acme")
    assert awake.memory_bytes > 2**20
    assert awake.cpu_s > 0
    assert awake.requests >= 1
    assert abs(time.time() - awake.since) < 600
    assert any("/web/session/authenticate" in line for line in sleepy.instances.logs("acme"))
    assert not any("acme" in line for line in sleepy.instances.logs("beta"))
    send_to_sleep(sleepy, "gamma")
    asleep = activity(sleepy, "gamma")
    assert (asleep.pid, asleep.memory_bytes, asleep.requests) == (0, 0, 0)


# ---------------------------------------------------------------- pages rendered by the zygote


def test_a_zygote_renders_the_first_pages_and_writes_nothing(sleepy: Engine, acme: OdooClient):
    """If it wrote a row or raised a counter, every tenant would find its caches out of date."""
    log = sleepy.settings.log_dir / "zygotes.log"
    log.write_text("")
    (version,) = {template.version for template in sleepy.templates.all() if template.code == "tiny"}
    zygote = zygote_database("tiny", version)
    before = ask(sleepy, zygote, _COUNTERS)
    sleepy.runtime.stop()
    sleepy.start_tenants()
    assert eventually(lambda: "Generating routing map" in log.read_text(), _SLEEPS_WITHIN_S)
    assert status(sleepy, "acme") == 200
    assert not re.search(r" (WARNING|ERROR|CRITICAL) ", log.read_text())
    assert ask(sleepy, zygote, _ROWS_WRITTEN) == [(0,)]
    assert ask(sleepy, zygote, _COUNTERS) == before
