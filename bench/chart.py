"""A chart for the README: the time until a tenant's login page answers, for each way to create it."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from bench.figures import FLOOR, OLD
from bench.report import Results

mpl.use("Agg")

_LEFT_S = 0.02
_OURS, _BEFORE, _OTHERS, _FLOOR = "#1f6f5c", "#8fbfae", "#9aa5ad", "#d5dade"
_BARS = (
    ("fresh", "odoo -i, a new database", _OTHERS),
    ("duplicate", "odoo db duplicate", _OTHERS),
    ("copydb", "click-odoo-copydb", _OTHERS),
    (OLD + "cold", "create, no spare: server before", _BEFORE),
    ("cold", "create, no spare", _OURS),
    (OLD + "warm", "create, a spare waiting: server before", _BEFORE),
    ("warm", "create, a spare waiting", _OURS),
    (FLOOR, "F: Odoo alone loads a ready database", _FLOOR),
    (OLD + "first_load", "tenant not loaded: server before", _BEFORE),
    ("wake", "a sleeping tenant wakes", _OURS),
)


def draw(results: Results, file: Path) -> None:
    """Write the PNG; nothing to draw writes nothing."""
    figures = results.by_code
    bars = [(figures[code].p50, label, colour) for code, label, colour in _BARS if code in figures]
    if not bars:
        return
    seconds, labels, colours = zip(*bars, strict=True)
    canvas = Canvas(figsize=(9, 0.42 * len(bars) + 1.4), dpi=150, layout="constrained")
    axes = canvas.add_subplot()
    drawn = axes.barh(labels, seconds, color=colours, height=0.62)
    axes.bar_label(drawn, [_seconds(value) for value in seconds], padding=5)
    axes.set_xscale("log")
    axes.set_xlim(min(_LEFT_S, min(seconds) / 2), max(seconds) * 2)
    axes.invert_yaxis()
    axes.set_title("Until the tenant's first page is there: median seconds, log scale", loc="left")
    axes.set_xlabel(_caption(results), fontsize=8, color="#555555")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter("{x:g} s")
    canvas.savefig(file)


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def _caption(results: Results) -> str:
    facts = results.facts
    return (
        f"{facts['cores']} cores, {facts['cpu']}; Odoo {facts['odoo']}, PostgreSQL {facts['postgresql']},"
        f" {facts['file_system']}; {facts['date']}, {facts['tenantry']}"
    )
