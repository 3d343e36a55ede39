"""Put tenants to sleep, and read their state from the spawner."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from bench.figures import MeasurementFailed
from tenantry.engine import Engine
from tenantry.model.activity import Activity
from tenantry.model.catalog import State
from tenantry.operations.context import relabel
from tenantry.operations.inventory import find_instance

_AT_ONCE = 20
_POLL_S, _LOOK_S = 1, 0.005
_SETTLES_WITHIN_S = 0.2
_PUT_OFF = """
    DELETE FROM ir_cron_trigger;
    UPDATE ir_cron SET nextcall = (now() AT TIME ZONE 'UTC') + interval '2 days'
"""


def put_to_sleep(engine: Engine, names: Collection[str]) -> None:
    """End the tenants' processes; wait until the spawner has handled it."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(engine.runtime.end, names))
    time.sleep(_SETTLES_WITHIN_S)


def put_all_to_sleep(engine: Engine) -> None:
    put_to_sleep(engine, [tenant.name for tenant in engine.instances.activities() if tenant.is_awake])


def put_jobs_off(engine: Engine, names: Collection[str]) -> None:
    """Postpone the tenants' jobs to another day, unless a measurement needs them."""
    for name in names:
        with engine.context.cluster.connect(name) as inside:
            inside.execute(_PUT_OFF)


def set_state(engine: Engine, name: str, state: State) -> None:
    """Make the spawner query the next job again, as it does when a tenant becomes active."""
    context = engine.context
    with context.maintenance() as connection:
        label = find_instance(connection, name)
        relabel(context, connection, name, label.having(state=state))


def wait_for(
    engine: Engine, names: Collection[str], holds: Callable[[Activity], bool], timeout_s: float
) -> None:
    """Wait until a condition is true for all these tenants. Raises MeasurementFailed."""
    deadline = time.monotonic() + timeout_s
    wanted = set(names)
    while wanted - {tenant.name for tenant in engine.instances.activities() if holds(tenant)}:
        if time.monotonic() > deadline:
            raise MeasurementFailed("the tenants are not what they should be by now")
        time.sleep(_POLL_S)


def wait_for_wakes(engine: Engine, names: Collection[str], timeout_s: float) -> None:
    """Wait until all these tenants were awake once and sleep again. Raises MeasurementFailed.

    The spawner's own records tell: to ask it would cost it more than a wake.
    """
    deadline = time.monotonic() + timeout_s
    folder = engine.settings.run_dir / "awake"
    were_awake: set[str] = set()
    while not were_awake >= set(names) or any((folder / f"{name}.json").exists() for name in names):
        were_awake |= {name for name in names if (folder / f"{name}.json").exists()}
        if time.monotonic() > deadline:
            raise MeasurementFailed("the tenants were not woken for their jobs")
        time.sleep(_LOOK_S)
