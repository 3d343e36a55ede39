"""Progress events of a running operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class StepStatus(StrEnum):
    STARTED = "started"
    DONE = "done"
    SKIPPED = "skipped"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True)
class StepEvent:
    """One step of an operation changed its status.

    fraction: the completed part of the operation, 0.0 to 1.0.
    duration_s: how long the step took; 0.0 while it has only started.
    """

    operation: str
    subject: str
    step: str
    status: StepStatus
    fraction: float
    duration_s: float = 0.0


OnStep = Callable[[StepEvent], None]


def ignore(event: StepEvent) -> None:
    """A listener that does nothing."""
