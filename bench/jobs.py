"""Scheduled jobs of many sleeping tenants: the delay of each start. A minute represents an hour of a day."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from bench.figures import Figure, MeasurementFailed
from bench.installation import Installation
from bench.plan import FULL
from bench.sleep import put_all_to_sleep, put_jobs_off, set_state
from tenantry.model.catalog import State

_AT_ONCE = 2
_EVERY_S = 60
_AHEAD_S = 20
_PLANS_A_SECOND = 4
_LOG_LINES = 100_000
_STARTED = re.compile(r"^(\S+ \S+),(\d+) .* Job .* \(\d+\) starting\s*$")

_PLAN = """
    UPDATE ir_cron SET nextcall = %s, interval_number = 1, interval_type = 'minutes'
     WHERE id = (SELECT min(id) FROM ir_cron WHERE active AND interval_type = 'hours')
"""


def on_time(installation: Installation) -> list[Figure]:
    """Each of these tenants has one job every minute, each at a moment of its own; so many rounds."""
    engine, plan = installation.engine, installation.plan
    names = _tenants(installation)
    put_jobs_off(engine, names)
    put_all_to_sleep(engine)
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(
        seconds=_AHEAD_S + len(names) / _PLANS_A_SECOND
    )
    due = {name: first + timedelta(seconds=_EVERY_S * n // len(names)) for n, name in enumerate(names)}
    for name in names:
        set_state(engine, name, State.SUSPENDED)
        with engine.context.cluster.connect(name) as inside:
            inside.execute(_PLAN, [due[name].replace(tzinfo=None)])
        set_state(engine, name, State.ACTIVE)
    _wait_until(first + timedelta(seconds=_EVERY_S * (plan.job_rounds + 1)))
    late_s = tuple(seconds for name in names for seconds in _lateness(installation, name, due[name]))
    if not late_s:
        raise MeasurementFailed("no job was started")
    many, is_whole = f"{len(names)} asleep, a job a minute each", plan.job_tenants == FULL.job_tenants
    missing = len(names) * plan.job_rounds - len(late_s)
    return [
        Figure("jobs_late", f"{many}: how late", "s", late_s, f"{plan.job_rounds} rounds"),
        Figure("jobs_latest", f"{many}: the latest", "s", (max(late_s),), is_whole=is_whole),
        Figure("jobs_missing", f"{many}: not started", "", (float(missing),), is_whole=is_whole),
    ]


def _tenants(installation: Installation) -> Sequence[str]:
    """The wanted number of tenants; missing ones are created."""
    missing = installation.plan.job_tenants - len(installation.names)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(lambda number: installation.create(f"job-{number:03d}"), range(missing)))
    return installation.names[: installation.plan.job_tenants]


def _wait_until(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


def _lateness(installation: Installation, name: str, first: datetime) -> list[float]:
    """The result of each round, by the times of job starts in the tenant's log."""
    found = filter(None, map(_STARTED.match, installation.engine.instances.logs(name, _LOG_LINES)))
    starts = [datetime.fromisoformat(f"{match[1]}.{match[2]}+00:00") for match in found]
    late = []
    for number in range(installation.plan.job_rounds):
        due = first + timedelta(seconds=_EVERY_S * number)
        after = [start for start in starts if start >= due]
        starts = after[1:]
        late += [(start - due).total_seconds() for start in after[:1]]
    return late
