"""How many recipients each instance may write to in an hour."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

_WINDOW_S = 3600.0


class Allowance:
    """Counts recipients per instance over the last hour. clock: seconds, monotonic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: dict[str, deque[tuple[float, int]]] = {}

    def remaining(self, instance: str, per_hour: int) -> int:
        """How many more recipients it may write to now."""
        return max(0, per_hour - self.used(instance))

    def used(self, instance: str) -> int:
        """How many recipients it wrote to in the last hour."""
        since = self._clock() - _WINDOW_S
        sent = self._sent.get(instance, deque())
        while sent and sent[0][0] <= since:
            sent.popleft()
        if not sent:
            self._sent.pop(instance, None)
        return sum(count for _at, count in sent)

    @property
    def instances(self) -> frozenset[str]:
        """Those that may have written in the last hour."""
        return frozenset(self._sent)

    def note(self, instance: str, recipients: int) -> None:
        self._sent.setdefault(instance, deque()).append((self._clock(), recipients))
