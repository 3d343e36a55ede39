"""Waiting for what comes about in another process, as long as a busy machine may need for it."""

from __future__ import annotations

import time
from collections.abc import Callable

_PATIENCE_S = 120


def eventually(is_so: Callable[[], object], within_s: float = _PATIENCE_S) -> bool:
    """Whether it comes about. within_s: only where the product promises it."""
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def wait_until(is_so: Callable[[], object], what: str = "") -> None:
    """Raises AssertionError, which says what did not come about."""
    assert eventually(is_so), what or "it never came about"
