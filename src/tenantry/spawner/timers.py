"""Timers: actions to call later, ordered by their time."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterator


class Timers:
    """Times are of the monotonic clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (when, next(self._numbers), action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.at(time.monotonic() + seconds, action)

    def due(self) -> Iterator[Callable[[], None]]:
        """Remove and yield the actions that are due."""
        while self._heap and self._heap[0][0] <= time.monotonic():
            yield heapq.heappop(self._heap)[2]

    @property
    def wait_s(self) -> float | None:
        """Seconds until the next timer; None without timers."""
        return max(self._heap[0][0] - time.monotonic(), 0) if self._heap else None
