"""Until the master has nothing else to do: what it did meanwhile would be measured, too."""

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
    """Until the master has sent its mails, and done what else was left to be done now.

    Raises MeasurementFailed.
    """
    _wait_for_none(office, "queue.job", _JOBS_TO_DO_NOW)


def wait_for_crons(office: BackOffice) -> None:
    """Until none is due: a new master runs most of its own after a minute, all at once.

    Raises MeasurementFailed.
    """
    _wait_for_none(office, "ir.cron", [["nextcall", "<=", "now"]])


def _wait_for_none(office: BackOffice, model: str, domain: list[Any]) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while office.call(model, "search_count", domain):
        if time.monotonic() > deadline:
            raise MeasurementFailed(f"work of {model} does not end")
        time.sleep(_POLL_S)
