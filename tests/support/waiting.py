"""Wait for conditions that another process fulfils, as long as a busy machine may need."""

from __future__ import annotations

import time
from collections.abc import Callable

_PATIENCE_S = 120


def eventually(is_so: Callable[[], object], within_s: float = _PATIENCE_S) -> bool:
    """Whether the condition becomes true. within_s: only for limits that the product promises."""
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def wait_until(is_so: Callable[[], object], what: str = "") -> None:
    """Wait for a condition. Raises AssertionError with the failure as its message."""
    assert eventually(is_so), what or "it never came about"
