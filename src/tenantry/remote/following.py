"""Watching what a master does: often at first, seldom later, and not put off by a short silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain, repeat
from typing import TypeVar

from tenantry.model.progress import OnStep, StepEvent, StepStatus
from tenantry.remote.errors import MasterFailed, MasterUnreachable, RateLimited

_PAUSES_S = (0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
"""An hour has 100 requests for a key: a creation of a second costs five of them, one of a minute thirteen."""
_PATIENCE_S = 60

Told = TypeVar("Told")


def follow(
    ask: Callable[[], Told],
    is_over: Callable[[Told], bool],
    tell: Callable[[Told], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Told:
    """Ask until it is over. Raises what `ask` raises, but a master restarted is waited for."""
    silent_s = 0.0
    for pause_s in chain(_PAUSES_S, repeat(_PAUSES_S[-1])):
        sleep(pause_s)
        try:
            told = ask()
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
            tell(told)
            if is_over(told):
                return told
    raise AssertionError("the pauses never end")


def step_teller(operation: str, subject: str, on_step: OnStep) -> Callable[[str | None, float], None]:
    """A function of the last step done and the percentage, which tells each step once."""
    last = ""

    def tell(step: str | None, percent: float) -> None:
        nonlocal last
        if step and step != last:
            last = step
            on_step(StepEvent(operation, subject, step, StepStatus.DONE, percent / 100))

    return tell
