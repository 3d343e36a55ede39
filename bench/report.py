"""The results: a table for people, a JSON file for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.figures import TARGETS, Figure, Target

Facts = Mapping[str, str | int | float]


@dataclass(frozen=True)
class Results:
    """One run. facts: what it ran on and with. failures: why a measurement was not made."""

    facts: Facts
    figures: tuple[Figure, ...]
    failures: Mapping[str, str]

    def as_mapping(self) -> dict[str, Any]:
        return {
            "facts": dict(self.facts),
            "figures": {figure.code: _as_mapping(figure) for figure in self.figures},
            "failures": dict(self.failures),
        }


def write_json(results: Results, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results.as_mapping(), indent=2) + "\n", encoding="utf-8")


def print_table(results: Results, console: Console) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("Measured")
    for heading in ("n", "p50", "p95", "max", "unit"):
        table.add_column(heading, justify="left" if heading == "unit" else "right")
    table.add_column("Target")
    table.add_column("Note", style="dim")
    for figure in results.figures:
        table.add_row(*_cells(figure))
    for title, reason in results.failures.items():
        table.add_row(title, "0", "", "", "", "", "[red]not measured[/]", reason.replace("[", r"\["))
    console.print(table)
    console.print("[dim]" + "; ".join(f"{name}: {value}" for name, value in results.facts.items()) + "[/]")


def _cells(figure: Figure) -> tuple[str, ...]:
    several = len(figure.samples) > 1
    return (
        figure.title,
        str(len(figure.samples)),
        _number(figure.p50),
        _number(figure.p95),
        _number(figure.maximum) if several else "",
        figure.unit,
        ", ".join(_verdict(figure, target) for target in TARGETS.get(figure.code, ())),
        figure.note,
    )


def _verdict(figure: Figure, target: Target) -> str:
    met = target.is_met(figure)
    words = {True: "[green]pass[/]", False: "[red]miss[/]", None: "too few"}
    return f"{target.statistic} {'≥' if target.at_least else '≤'} {target.limit:g} {words[met]}"


def _number(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.3f}"


def _as_mapping(figure: Figure) -> dict[str, Any]:
    return {
        "title": figure.title,
        "unit": figure.unit,
        "p50": _rounded(figure.p50),
        "p95": _rounded(figure.p95),
        "max": _rounded(figure.maximum),
        "samples": [_rounded(sample) for sample in figure.samples],
        "note": figure.note,
        "targets": [
            {
                "statistic": target.statistic,
                "limit": target.limit,
                "at_least": target.at_least,
                "met": target.is_met(figure),
            }
            for target in TARGETS.get(figure.code, ())
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
