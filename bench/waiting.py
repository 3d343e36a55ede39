"""Wait until the master is idle: its other work would disturb measurements."""

from __future__ import annotations

import time
from typing import Any

from tests.support.back_office import BackOffice

from bench.figures import MeasurementFailed

_POLL_S = 0.01
_TIMEOUT_S = 300
_JOBS_TO_DO_NOW = [
    ["state", "in", ["pending", "enqueued", "started"]],
    *("|", ["eta", "=", False], ["eta", "<=", "now"]),
]


def wait_for_jobs(office: BackOffice) -> None:
    """Wait until the master has sent its mails and finished its current jobs.

    Raises MeasurementFailed.
    """
    _wait_for_none(office, "queue.job", _JOBS_TO_DO_NOW)


def wait_for_crons(office: BackOffice) -> None:
    """Wait until no scheduled job is due: a new master runs most of them after a minute.

    Raises MeasurementFailed.
    """
    _wait_for_none(office, "ir.cron", [["nextcall", "<=", "now"]])


def _wait_for_none(office: BackOffice, model: str, domain: list[Any]) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while office.call(model, "search_count", domain):
        if time.monotonic() > deadline:
            raise MeasurementFailed(f"work of {model} does not end")
        time.sleep(_POLL_S)
