"""The cost of sleeping tenants: memory, and CPU time including the jobs that wake them."""

from __future__ import annotations

import time
from collections.abc import Collection

from bench.crowd import make_crowd
from bench.figures import Figure, MeasurementFailed
from bench.installation import Installation
from bench.plan import FULL
from bench.processes import cpu_s, family, pss_mb, spawner, with_children
from bench.sleep import put_all_to_sleep, put_jobs_off, set_state, wait_for, wait_for_wakes
from tenantry.model.catalog import State

_KNOWN_WITHIN_S = 120
_JOBS_END_WITHIN_S = 120
_DAY_S = 86400

_INTERVAL = "interval_number * ('1 ' || rtrim(interval_type, 's'))::interval"
_INTERVALS = f"SELECT extract(epoch FROM {_INTERVAL})::float8 FROM ir_cron WHERE active"
_MAKE_DUE = f"""
    UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' - interval '1 second'
     WHERE active AND {_INTERVAL} <= %s * interval '1 second'
"""


def sleeping(installation: Installation) -> list[Figure]:
    """The tenants made so far and a crowd, all asleep; then some real ones are woken for their jobs.

    None of the crowd's jobs is ever due: what jobs cost is added by how often they wake a tenant.
    """
    engine, plan, names = installation.engine, installation.plan, installation.names[::-1]
    if not names:
        raise MeasurementFailed("no instance was made")
    engine.master.runtime.stop()
    put_jobs_off(engine, installation.names)
    put_all_to_sleep(engine)
    before_mb = pss_mb(spawner(engine))
    crowd = make_crowd(installation, max(plan.asleep - len(installation.creations), 1))
    wait_for(engine, crowd, lambda tenant: tenant.next_job_s is not None, _KNOWN_WITHIN_S)
    put_all_to_sleep(engine)
    memory_mb = pss_mb(family(engine))
    each_mb = (pss_mb(spawner(engine)) - before_mb) / len(crowd)
    idle, postgres = _idle(installation)
    intervals_s = _intervals(installation)
    some, others = names[: plan.cron_wakes], names[plan.cron_wakes : 2 * plan.cron_wakes]
    few_s = _seconds_a_wake(installation, some, min(intervals_s), idle + postgres)
    all_s = _seconds_a_wake(installation, others, max(intervals_s), idle + postgres)
    wakes = wakes_a_day(intervals_s)
    jobs = FULL.asleep * ((wakes - 1) * few_s + all_s) / _DAY_S
    many, is_whole = f"{plan.asleep} tenants asleep", plan.asleep == FULL.asleep
    told = (
        f"{100 * idle:.2f} + {100 * jobs:.2f} for {wakes} wakes a day each; PostgreSQL {100 * postgres:.1f}"
    )
    return [
        Figure("asleep_memory", f"{many}: all of the server", "MB", (memory_mb,), "PSS", is_whole),
        Figure(
            "asleep_each", "Memory of one more sleeping tenant", "MB", (each_mb,), "of keeper and spawner"
        ),
        Figure("cron_wake", "A wake for hourly jobs: computing time", "s", (few_s,), "with PostgreSQL's"),
        Figure("cron_wake_all", "A wake for all jobs: computing time", "s", (all_s,), "with PostgreSQL's"),
        Figure(
            "asleep_cpu", f"{many}: of one core, with their jobs", "%", (100 * (idle + jobs),), told, is_whole
        ),
    ]


def wakes_a_day(intervals_s: Collection[float]) -> int:
    """How often a tenant is woken for its jobs: they all began at the same moment (see `birth`).

    >>> wakes_a_day([3600, 7200, 86400])
    24
    """
    return len({interval * n for interval in intervals_s for n in range(1, int(_DAY_S // interval) + 1)})


def _idle(installation: Installation) -> tuple[float, float]:
    """The cores that an idle tenant server uses, with PostgreSQL and its many databases."""
    postmaster, watch_s = installation.postmaster(), installation.plan.watch_s
    before = cpu_s(family(installation.engine)), cpu_s(with_children(postmaster))
    time.sleep(watch_s)
    after = cpu_s(family(installation.engine)), cpu_s(with_children(postmaster))
    return (after[0] - before[0]) / watch_s, (after[1] - before[1]) / watch_s


def _intervals(installation: Installation) -> list[float]:
    """The intervals of a real tenant's active jobs, in seconds."""
    with installation.engine.context.cluster.connect(installation.names[0]) as inside:
        return [float(row[0]) for row in inside.execute(_INTERVALS.encode())]


def _seconds_a_wake(
    installation: Installation, names: Collection[str], longest_s: float, idle: float
) -> float:
    """The computing time of a wake for the jobs with intervals up to that, the database's included.

    idle: the cores that all of it uses meanwhile anyway, autovacuum in so many databases above all.
    Of tenants that were not woken for jobs before: another wake waits for a minute.
    """
    engine = installation.engine
    for name in names:
        set_state(engine, name, State.SUSPENDED)
        with engine.context.cluster.connect(name) as inside:
            inside.execute(_MAKE_DUE.encode(), [longest_s])
    postmaster = installation.postmaster()
    before, began = cpu_s([*family(engine), *with_children(postmaster)]), time.monotonic()
    for name in names:
        set_state(engine, name, State.ACTIVE)
    wait_for_wakes(engine, names, _JOBS_END_WITHIN_S)
    used_s = cpu_s([*family(engine), *with_children(postmaster)]) - before
    return (used_s - idle * (time.monotonic() - began)) / len(names)
