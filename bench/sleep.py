"""Tenants put to sleep, and what the spawner says of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from bench.figures import MeasurementFailed
from tenantry.engine import Engine
from tenantry.model.activity import Activity

_AT_ONCE = 20
_POLL_S = 0.2
_SETTLES_WITHIN_S = 0.2


def put_to_sleep(engine: Engine, names: Collection[str]) -> None:
    """End their processes; what the spawner does about it, it has done when this returns."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(engine.runtime.end, names))
    time.sleep(_SETTLES_WITHIN_S)


def put_all_to_sleep(engine: Engine) -> None:
    put_to_sleep(engine, [tenant.name for tenant in engine.activities() if tenant.is_awake])


def wait_for(
    engine: Engine, names: Collection[str], holds: Callable[[Activity], bool], timeout_s: float
) -> None:
    """Until it holds of each of these tenants. Raises MeasurementFailed."""
    deadline = time.monotonic() + timeout_s
    wanted = set(names)
    while wanted - {tenant.name for tenant in engine.activities() if holds(tenant)}:
        if time.monotonic() > deadline:
            raise MeasurementFailed("the tenants are not what they should be by now")
        time.sleep(_POLL_S)
