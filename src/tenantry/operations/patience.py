"""Waiting for a turn, as long as the caller has patience: then `NotYet` gives their thread back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager

from tenantry.errors import Busy, NotYet

SHORT_S = 10
"""For jobs: the queue runs them again."""
LONG_S = 900
"""For whoever has no queue."""
_AGAIN_AFTER_S = 2


@contextlib.contextmanager
def turn(lock: AbstractContextManager[None], subject: str, waits_for: str) -> Iterator[None]:
    """Hold a lock that raises Busy after the patience is over. Raises NotYet then."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock)
        except Busy as error:
            raise NotYet(subject, waits_for, _AGAIN_AFTER_S) from error
        yield
