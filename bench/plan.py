"""How often each thing is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The repetitions of one run. at_once: creations that start together, with `spares` waiting."""

    name: str
    warm: int
    cold: int
    at_once: int
    spares: int
    peers: int
    first_pages: int
    tenants_in_memory: int
    clones: int
    posts: int
    polls: int
    signups: int


FULL = Plan("full", 20, 10, 50, 10, 3, 10, 30, 10, 40, 200, 10)
QUICK = Plan("quick", 10, 4, 20, 4, 1, 3, 10, 4, 10, 100, 4)
