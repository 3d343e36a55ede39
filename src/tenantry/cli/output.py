"""The output of commands: progress and tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tenantry.errors import TenantryError
from tenantry.model.progress import OnStep, StepEvent, StepStatus
from tenantry.model.secret import Secret

_MARKS = {StepStatus.DONE: "[green]✓[/]", StepStatus.SKIPPED: "[dim]·[/]", StepStatus.FAILED: "[red]✗[/]"}
_WIDE = 4096

Columns = Mapping[str, Callable[[Any], object]]
"""By heading, the function that makes the cell of a row."""


class Output:
    """Results go to stdout, everything else to stderr, so that a pipe gets the result only."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = Console(highlight=False, soft_wrap=True)
        if not self._out.is_terminal:
            self._out.width = _WIDE  # programs need lines without wrapping
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        """Print a line about what happens now."""
        if not self.as_json:
            self._err.print(f"[dim]{plain_text(line)}[/]")

    def result(self, data: Any, *lines: str) -> None:
        """Print the command's result: `data` as JSON, or the lines."""
        if self.as_json:
            self._out.print_json(json.dumps(plain(data)))
        for line in () if self.as_json else lines:
            self._out.print(line)

    def table(self, rows: Sequence[Any], columns: Columns, empty: str) -> None:
        """Print rows as a table, or as JSON; `empty` is printed if there are none."""
        if self.as_json:
            self.result(list(rows))
            return
        if not rows:
            self._out.print(empty)
            return
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in columns:
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*(Text(str(value(row))) for value in columns.values()))
        self._out.print(table)

    def error(self, error: TenantryError) -> None:
        """Print an error's sentence and remedy."""
        if self.as_json:
            data = {"error": str(error), "error_class": type(error).__name__, "remedy": error.remedy}
            self._err.print(json.dumps({**data, "retryable": error.retryable}), markup=False)
            return
        self._err.print(f"[bold red]Error:[/] {plain_text(str(error))}")
        if error.remedy:
            self._err.print(f"[bold]Remedy:[/] {plain_text(error.remedy)}")

    @contextmanager
    def progress(self, title: str) -> Iterator[OnStep]:
        """Show an operation's steps while it runs; with --json, as JSON lines on stderr."""
        if self.as_json:
            yield self._step_as_json
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._err, transient=True) as bar:
            task = bar.add_task(title, total=1.0)

            def on_step(event: StepEvent) -> None:
                bar.update(task, completed=event.fraction, description=f"{title}: {event.step}")
                if event.status in _MARKS:
                    took = f" {event.duration_s:7.3f} s" if event.duration_s else ""
                    bar.console.print(f" {_MARKS[event.status]} {plain_text(event.step):<12}{took}")

            yield on_step

    def _step_as_json(self, event: StepEvent) -> None:
        self._err.print(json.dumps(asdict(event)), markup=False)


def plain(value: Any) -> Any:
    """Dataclasses, tuples and secrets as JSON values. Secrets are shown: a password can be a result."""
    if isinstance(value, Secret):
        return value.reveal()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.0f} MB"


def plain_text(text: str) -> str:
    """Escape text that is not ours, so that it is not read as markup."""
    return text.replace("[", r"\[")
