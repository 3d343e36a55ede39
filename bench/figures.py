"""Measured figures and their targets."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from tenantry.errors import TenantryError

_FEWEST_FOR_P95 = 10
FLOOR = "floor"
"""F: what an Odoo of its own needs to load a ready database and draw its login page."""
OLD = "old_"
"""The prefix of the codes of the previous server's figures."""


class MeasurementFailed(TenantryError):
    """A measurement failed, or did not measure what it should."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"It could not be measured: {reason}.")


class Statistic(StrEnum):
    P50 = "p50"
    P95 = "p95"


@dataclass(frozen=True)
class Figure:
    """One thing, measured once or several times, in the order it was measured.

    is_whole: whether it was measured on as many tenants as its targets are about.
    """

    code: str
    title: str
    unit: str
    samples: tuple[float, ...]
    note: str = ""
    is_whole: bool = True

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


Figures = Mapping[str, Figure]


@dataclass(frozen=True)
class Target:
    """A limit for a figure: the most it may be, or the least.

    of: the code of a figure of the same run; the limit is a multiple of its median.
    """

    limit: float
    statistic: Statistic = Statistic.P50
    at_least: bool = False
    of: str = ""

    def reached(self, figure: Figure, figures: Figures) -> float | None:
        """The value to compare with the limit; None without enough samples."""
        value = figure.value(self.statistic) if figure.is_whole else None
        if value is None or not self.of:
            return value
        measure = figures.get(self.of)
        return value / measure.p50 if measure and measure.p50 else None

    def is_met(self, figure: Figure, figures: Figures) -> bool | None:
        """Whether the target is met; None when that is unknown."""
        reached = self.reached(figure, figures)
        if reached is None:
            return None
        return reached >= self.limit if self.at_least else reached <= self.limit


TARGETS: Mapping[str, tuple[Target, ...]] = {
    "warm": (Target(0.6, of=FLOOR), Target(1.0, Statistic.P95, of=FLOOR)),
    "cold": (Target(2.0, of=FLOOR),),
    "at_once_succeeded": (Target(100, at_least=True),),
    "at_once_rate": (Target(2, at_least=True, of=OLD + "at_once_rate"),),
    "faster_than_duplicate": (Target(8, at_least=True),),
    "faster_than_copydb": (Target(8, at_least=True),),
    "first_page": (Target(1.0),),
    "wake": (Target(0.4, of=FLOOR), Target(0.8, Statistic.P95, of=FLOOR)),
    "storm_failed": (Target(0),),
    "page": (Target(1.3, of="plain_page"),),
    "busy": (Target(1.7, at_least=True, of=OLD + "busy"),),
    "jobs_latest": (Target(60),),
    "jobs_missing": (Target(0),),
    "asleep_memory": (Target(400),),
    "asleep_cpu": (Target(10),),
    "awake_memory": (Target(2048),),
    "clone_ratio": (Target(1.1),),
    "button": (Target(1.4, of=FLOOR),),
    "api_post": (Target(0.05, Statistic.P95),),
    "api_status": (Target(0.02, Statistic.P95),),
    "api_polls": (Target(200, at_least=True),),
    "signup": (Target(3.0),),
    "lists": (Target(1.0),),
    "crons": (Target(60),),
    "container_create": (Target(5),),
    "container_wake": (Target(4, Statistic.P95),),
    "container_wakes_failed": (Target(0),),
    "container_switch_failed": (Target(0),),
    "move_pause": (Target(5),),
    "backup_ratio": (Target(0.9, at_least=True),),
    "backup_memory": (Target(200),),
    "restore_ratio": (Target(0.9, at_least=True),),
    "night_bytes": (Target(5),),
    "night": (Target(15),),
}


def joined(figures: Iterable[Figure]) -> list[Figure]:
    """Merge alternating measurements: all samples of a code together."""
    found: dict[str, Figure] = {}
    for figure in figures:
        before = found.get(figure.code)
        found[figure.code] = replace(figure, samples=before.samples + figure.samples) if before else figure
    return list(found.values())


def comparisons(figures: Figures) -> list[Figure]:
    """The figures that follow from others, as far as those were measured."""
    wanted = (
        ("faster_than_duplicate", "Times faster than odoo db duplicate", "duplicate", "warm"),
        ("faster_than_copydb", "Times faster than click-odoo-copydb", "copydb", "warm"),
        ("clone_ratio", "Clone step / bare CREATE DATABASE", "clone", "bare_clone"),
        ("backup_ratio", "Speed of a backup / of pg_dump and zstd alone", "bare_dump", "backup"),
        ("restore_ratio", "Speed of a restore / of pg_restore alone", "bare_restore", "restore"),
    )
    return [
        Figure(code, title, "x", (figures[above].p50 / figures[below].p50,), "of medians")
        for code, title, above, below in wanted
        if above in figures and below in figures
    ]
