"""Comparisons: ours, the previous server, and the other ways to create an Odoo database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.figures import FLOOR, OLD, TARGETS, Figure, Figures, Target

WAYS = {
    "new": "Tenantry",
    "old": "server before",
    "duplicate": "odoo db duplicate",
    "copydb": "click-odoo-copydb",
    "fresh": "odoo -i",
}


@dataclass(frozen=True)
class Row:
    """A comparison. codes: of the figures of each variant that has one."""

    title: str
    unit: str
    codes: Mapping[str, str] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[Target, ...]:
        return TARGETS.get(self.codes["new"], ())


def _row(title: str, code: str, old: str = "", unit: str = "s", **others: str) -> Row:
    return Row(title, unit, {"new": code, **({"old": OLD + old} if old else {}), **others})


ROWS = (
    _row("create, a spare waiting", "warm", "warm", duplicate="duplicate", copydb="copydb", fresh="fresh"),
    _row("create, no spare", "cold", "cold"),
    _row("many at once, created a second", "at_once_rate", "at_once_rate", "/s"),
    _row("back office: from the button to active", "button"),
    _row("first page of a tenant that sleeps, or is not loaded", "wake", "first_load"),
    _row("many wakes at once, failed requests", "storm_failed", unit=""),
    _row("warm login page", "page", "page"),
    _row("busy tenants, users' requests a second", "busy", "busy", "/s"),
    _row("busy tenants, login pages a second", "busy_pages", "busy_pages", "/s"),
    _row("memory of a tenant nobody asks", "asleep_each", "memory", "MB"),
    _row("memory of a tenant after its login page", "awake_login", unit="MB"),
    _row("memory of a tenant after an administrator's work", "awake_work", unit="MB"),
    _row("all of the server, tenants after that work", "awake_memory", unit="MB"),
    _row("all of the server, tenants asleep", "asleep_memory", unit="MB"),
    _row("jobs of tenants asleep, the latest", "jobs_latest"),
    _row("of one core, tenants asleep, with their jobs", "asleep_cpu", unit="%"),
)


def figure_of(row: Row, way: str, figures: Figures) -> Figure | None:
    return figures.get(row.codes.get(way, ""))


def verdict(target: Target, figure: Figure, figures: Figures) -> tuple[str, bool | None]:
    """The target and the result, in words, and whether the target is met."""
    sign = "≥" if target.at_least else "≤"
    measure = {"": "", FLOOR: " F"}.get(target.of, "x")
    if target.of.startswith(OLD):
        measure = "x before"
    reached = target.reached(figure, figures)
    told = f"{target.statistic} {sign} {target.limit:g}{measure}"
    if target.of and reached is not None:
        told += f" ({reached:.2f})"
    return told, target.is_met(figure, figures)
