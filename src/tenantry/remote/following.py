"""Poll a master until an operation is over: often at first, less often later; short outages are tolerated."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import TypeVar

from tenantry.model.progress import OnStep, StepEvent, StepStatus
from tenantry.remote.errors import MasterFailed, MasterUnreachable, RateLimited
from tenantry.remote.results import LogLine

_PAUSES_S = (0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
"""A key has 100 requests per hour. A creation of one second takes five of them, one of a minute thirteen."""
_PATIENCE_S = 60

Answer = TypeVar("Answer")


def follow(
    ask: Callable[[], Answer],
    is_over: Callable[[Answer], bool],
    report: Callable[[Answer], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Poll until it is over; return the last answer. Raises what `ask` raises, but waits for a restart."""
    silent_s = 0.0
    for pause_s in chain(_PAUSES_S, repeat(_PAUSES_S[-1])):
        sleep(pause_s)
        try:
            answer = ask()
        except RateLimited as error:
            if error.retry_after_s > _PATIENCE_S:
                raise
            sleep(error.retry_after_s)
        except (MasterUnreachable, MasterFailed) as error:
            silent_s += pause_s
            if not error.retryable or silent_s > _PATIENCE_S:
                raise
        else:
            silent_s = 0.0
            report(answer)
            if is_over(answer):
                return answer
    raise AssertionError("the pauses never end")


@dataclass
class StepWatch:
    """Shows the step of a master's operation while it runs, and all steps with their times at its end."""

    operation: str
    subject: str
    on_step: OnStep
    seen: list[str] = field(default_factory=list)

    def look(self, step: str | None, percent: float) -> None:
        """step: the last completed one. It may be one of several since the last look."""
        if step and step not in self.seen:
            self.seen.append(step)
            self._tell(step, StepStatus.STARTED, percent / 100, 0.0)

    def end(self, lines: Sequence[LogLine]) -> None:
        """lines: the log, the newest first; without one, the steps that were seen have no times."""
        newest: dict[str, LogLine] = {}
        for line in lines:
            if line.step and line.operation == self.operation:
                newest.setdefault(line.step, line)
        took = {step: line.duration_s for step, line in reversed(newest.items())}
        took = took or dict.fromkeys(self.seen, 0.0)
        for count, (step, duration_s) in enumerate(took.items(), start=1):
            self._tell(step, StepStatus.DONE, count / len(took), duration_s)

    def _tell(self, step: str, status: StepStatus, fraction: float, duration_s: float) -> None:
        self.on_step(StepEvent(self.operation, self.subject, step, status, fraction, duration_s))


def step_reporter(operation: str, subject: str, on_step: OnStep) -> Callable[[str | None, float], None]:
    """A function of the last completed step and the percentage. It reports each step once."""
    last = ""

    def report(step: str | None, percent: float) -> None:
        nonlocal last
        if step and step != last:
            last = step
            on_step(StepEvent(operation, subject, step, StepStatus.DONE, percent / 100))

    return report
