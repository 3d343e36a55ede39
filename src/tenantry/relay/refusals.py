"""What the operator's mail server refused, of each instance, since the relay started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_MOST_CHARACTERS = 500


@dataclass(frozen=True)
class Refusals:
    """How many mails were refused for good, wholly or of some recipients, and the last answer.

    last_at: seconds since 1970; 0: there was none.
    """

    count: int = 0
    last: str = ""
    last_at: float = 0.0


class RefusalLog:
    """clock: seconds since 1970."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, Refusals] = {}

    def of(self, instance: str) -> Refusals:
        return self._known.get(instance, Refusals())

    def note(self, instance: str, answer: str) -> None:
        """answer: what the mail server said, on one line; others than refusals for good are not noted."""
        if answer.startswith("5"):
            count = self.of(instance).count + 1
            self._known[instance] = Refusals(count, answer[:_MOST_CHARACTERS], self._clock())

    @property
    def instances(self) -> frozenset[str]:
        return frozenset(self._known)
