"""What is to be done later, in the order of its time."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterator


class Timers:
    """On the monotonic clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (when, next(self._numbers), action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.at(time.monotonic() + seconds, action)

    def due(self) -> Iterator[Callable[[], None]]:
        """Those whose time has come, each taken out."""
        while self._heap and self._heap[0][0] <= time.monotonic():
            yield heapq.heappop(self._heap)[2]

    @property
    def wait_s(self) -> float | None:
        """Until the next; None when there is none."""
        return max(self._heap[0][0] - time.monotonic(), 0) if self._heap else None
