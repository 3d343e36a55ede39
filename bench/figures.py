"""What was measured, and what it is held against."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tenantry.errors import TenantryError

_FEWEST_FOR_P95 = 10


class MeasurementFailed(TenantryError):
    """A measurement that could not be made, or did not measure what it says."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"It could not be measured: {reason}.")


class Statistic(StrEnum):
    P50 = "p50"
    P95 = "p95"


@dataclass(frozen=True)
class Figure:
    """One thing, measured once or several times, in the order it was measured."""

    code: str
    title: str
    unit: str
    samples: tuple[float, ...]
    note: str = ""

    @property
    def p50(self) -> float:
        return statistics.median(self.samples)

    @property
    def p95(self) -> float | None:
        """None of too few samples: it would be a second name for the maximum."""
        if len(self.samples) < _FEWEST_FOR_P95:
            return None
        return statistics.quantiles(self.samples, n=20, method="inclusive")[-1]

    @property
    def maximum(self) -> float:
        return max(self.samples)

    def value(self, statistic: Statistic) -> float | None:
        return self.p50 if statistic is Statistic.P50 else self.p95


@dataclass(frozen=True)
class Target:
    """A limit for a figure: the most it may be, or the least."""

    limit: float
    statistic: Statistic = Statistic.P50
    at_least: bool = False

    def is_met(self, figure: Figure) -> bool | None:
        """None when the figure has too few samples to tell."""
        value = figure.value(self.statistic)
        if value is None:
            return None
        return value >= self.limit if self.at_least else value <= self.limit


TARGETS: Mapping[str, tuple[Target, ...]] = {
    "warm": (Target(0.5), Target(1.0, Statistic.P95)),
    "cold": (Target(1.5),),
    "at_once_succeeded": (Target(100, at_least=True),),
    "at_once_rate": (Target(3, at_least=True),),
    "faster_than_duplicate": (Target(4, at_least=True),),
    "faster_than_copydb": (Target(4, at_least=True),),
    "first_page": (Target(1.0),),
    "memory": (Target(6),),
    "clone_ratio": (Target(1.1),),
    "button": (Target(0.8),),
    "api_post": (Target(0.05, Statistic.P95),),
    "api_status": (Target(0.02, Statistic.P95),),
    "api_polls": (Target(200, at_least=True),),
    "signup": (Target(3.0),),
    "lists": (Target(1.0),),
    "crons": (Target(60),),
}


def comparisons(figures: Mapping[str, Figure]) -> list[Figure]:
    """The figures that follow from others, as far as those were measured."""
    wanted = (
        ("faster_than_duplicate", "Times faster than odoo db duplicate", "x", "duplicate", "warm"),
        ("faster_than_copydb", "Times faster than click-odoo-copydb", "x", "copydb", "warm"),
        ("clone_ratio", "Clone step / bare CREATE DATABASE", "x", "clone", "bare_clone"),
        ("floor_share", "Floor's share of a creation with a spare", "%", "floor", "warm"),
    )
    return [
        _ratio(code, title, unit, figures[above], figures[below])
        for code, title, unit, above, below in wanted
        if above in figures and below in figures
    ]


def _ratio(code: str, title: str, unit: str, above: Figure, below: Figure) -> Figure:
    factor = 100 if unit == "%" else 1
    return Figure(code, title, unit, (factor * above.p50 / below.p50,), "of medians")
