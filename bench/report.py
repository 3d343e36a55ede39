"""The results: two tables for people, a JSON file for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.comparison import ROWS, WAYS, Row, figure_of, verdict
from bench.figures import OLD, TARGETS, Figure, Figures

Facts = Mapping[str, str | int | float]

_WORDS = {True: "[green]met[/]", False: "[red]missed[/]", None: "too few"}


@dataclass(frozen=True)
class Results:
    """One run. facts: of the machine and the software. failures: the reasons for missing measurements."""

    facts: Facts
    figures: tuple[Figure, ...]
    failures: Mapping[str, str]

    @cached_property
    def by_code(self) -> Figures:
        return {figure.code: figure for figure in self.figures}

    def as_mapping(self) -> dict[str, Any]:
        return {
            "facts": dict(self.facts),
            "figures": {figure.code: _as_mapping(figure, self.by_code) for figure in self.figures},
            "failures": dict(self.failures),
        }


def write_json(results: Results, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results.as_mapping(), indent=2) + "\n", encoding="utf-8")


def print_tables(results: Results, console: Console) -> None:
    console.print(_side_by_side(results))
    console.print()
    console.print(_all_figures(results))
    console.print("[dim]" + "; ".join(f"{name}: {value}" for name, value in results.facts.items()) + "[/]")


def _side_by_side(results: Results) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("Medians")
    for way in WAYS.values():
        table.add_column(way, justify="right")
    table.add_column("Target")
    for row in ROWS:
        if figure_of(row, "new", results.by_code):
            table.add_row(
                row.title, *(_cell(row, way, results.by_code) for way in WAYS), _verdicts_of(row, results)
            )
    return table


def _cell(row: Row, way: str, figures: Figures) -> str:
    if way not in row.codes:
        return ""
    figure = figure_of(row, way, figures)
    return f"{_number(figure.p50)} {row.unit}".rstrip() if figure else "not measured"


def _verdicts_of(row: Row, results: Results) -> str:
    figure = figure_of(row, "new", results.by_code)
    return _verdicts(figure, results.by_code) if figure else ""


def _all_figures(results: Results) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("Measured")
    for heading in ("n", "p50", "p95", "max", "unit"):
        table.add_column(heading, justify="left" if heading == "unit" else "right")
    table.add_column("Target")
    table.add_column("Note", style="dim")
    for figure in results.figures:
        table.add_row(*_cells(figure, results.by_code))
    for title, reason in results.failures.items():
        table.add_row(title, "0", "", "", "", "", "[red]not measured[/]", reason.replace("[", r"\["))
    if not any(code.startswith(OLD) for code in results.by_code):
        table.add_row("the server before", "0", "", "", "", "", "not measured", "")
    return table


def _cells(figure: Figure, figures: Figures) -> tuple[str, ...]:
    several = len(figure.samples) > 1
    return (
        figure.title,
        str(len(figure.samples)),
        _number(figure.p50),
        _number(figure.p95),
        _number(figure.maximum) if several else "",
        figure.unit,
        _verdicts(figure, figures),
        figure.note,
    )


def _verdicts(figure: Figure, figures: Figures) -> str:
    told = (verdict(target, figure, figures) for target in TARGETS.get(figure.code, ()))
    return ", ".join(f"{words} {_WORDS[met]}" for words, met in told)


def _number(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 or value == 0 else f"{value:.3g}" if value >= 1 else f"{value:.3f}"


def _as_mapping(figure: Figure, figures: Figures) -> dict[str, Any]:
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
                "of": target.of,
                "reached": _rounded(target.reached(figure, figures)),
                "met": target.is_met(figure, figures),
            }
            for target in TARGETS.get(figure.code, ())
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
