"""Wait for a lock for a limited time; then raise `NotYet`, so that the caller's thread is free again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager

from tenantry.errors import Busy, NotYet

SHORT_S = 10
"""The time for jobs: the queue runs them again."""
LONG_S = 900
"""The time for callers without a queue."""
_AGAIN_AFTER_S = 2


@contextlib.contextmanager
def turn(lock: AbstractContextManager[None], subject: str, waits_for: str) -> Iterator[None]:
    """Hold a lock. Raises NotYet when the lock raises Busy.

    subject: what waits. waits_for: what it waits for. Both are parts of the error's sentence.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock)
        except Busy as error:
            raise NotYet(subject, waits_for, _AGAIN_AFTER_S) from error
        yield
