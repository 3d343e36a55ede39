"""The memory of tenants that are awake: after their login page, and after an administrator's work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from bench.administrator import work
from bench.figures import Figure, MeasurementFailed
from bench.installation import Installation
from bench.load import seconds_for_page
from bench.plan import FULL
from bench.processes import family, pss_mb, uss_mb
from bench.sleep import put_all_to_sleep

_AT_ONCE = 2


def awake(installation: Installation) -> list[Figure]:
    """Only they are awake meanwhile."""
    engine, plan = installation.engine, installation.plan
    tenants = installation.creations[-plan.awake :]
    names = [creation.instance.name for creation in tenants]
    put_all_to_sleep(engine)
    for name in names:
        seconds_for_page(engine.context.route(name))
    after_login = _own_memory(installation, names)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(work, map(engine.context.route, names), tenants))
    after_work = _own_memory(installation, names)
    total_mb = pss_mb(family(engine))
    each = f"{len(names)} awake, each after an administrator's work"
    is_whole = plan.awake == FULL.awake
    return [
        Figure("awake_login", "Memory of an awake tenant after its login page", "MB", after_login, "USS"),
        Figure("awake_work", "The same after an administrator's work", "MB", after_work, "USS"),
        Figure("awake_memory", f"{each}: all of the server", "MB", (total_mb,), "PSS", is_whole),
    ]


def _own_memory(installation: Installation, names: list[str]) -> tuple[float, ...]:
    """The memory of each tenant's process. Raises MeasurementFailed when a tenant sleeps."""
    pids = {
        tenant.name: tenant.pid for tenant in installation.engine.instances.activities() if tenant.is_awake
    }
    if missing := set(names) - set(pids):
        raise MeasurementFailed(f"{len(missing)} tenants fell asleep over it")
    return tuple(uss_mb(pids[name]) for name in names)
