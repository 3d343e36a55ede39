"""The output of commands: progress and tables for people, JSON for programs."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tenantry import interrupts
from tenantry.errors import Interrupted, TenantryError
from tenantry.model.progress import OnStep, StepEvent, StepStatus
from tenantry.model.secret import Secret
from tenantry.process import tail

_MARKS = {StepStatus.DONE: "[green]✓[/]", StepStatus.SKIPPED: "[dim]·[/]", StepStatus.FAILED: "[red]✗[/]"}
_LOADING = re.compile(r"Loading module \S+ \((\d+)/(\d+)\)")
"""A line of Odoo's log (odoo/modules/loading.py)."""
_LOOK_EVERY_S = 0.5
_TAIL_BYTES = 20_000
_NOTE = "NOTE: "
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that move a terminal's cursor, change its settings, or the direction of the text."""
_GAP = 2
"""Spaces between columns."""

Columns = Mapping[str, Callable[[Any], object]]
"""By heading, the function that makes the cell of a row."""
WhatIsLeft = Callable[[], tuple[str, str]]
"""What is left of an interrupted operation, as the rest of "Interrupted; ...", and how to go on."""


class Output:
    """Results go to stdout, everything else to stderr, so that a pipe gets the result only."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = Console(highlight=False, soft_wrap=True)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        """Print a line about what happens now; one that begins with NOTE must not be overlooked."""
        if not self.as_json:
            style = "bold yellow" if line.startswith(_NOTE) else "dim"
            self._err.print(f"[{style}]{plain_text(line)}[/]")

    def result(self, data: Any, *lines: str) -> None:
        """Print the command's result: `data` as JSON, or the lines."""
        if self.as_json:
            self._out.print_json(json.dumps(plain(data)))
        for line in () if self.as_json else lines:
            self._out.print(line)

    def line(self, data: Any, line: str) -> None:
        """Print one of results that come one after the other: `data` as JSON in one line, or the line."""
        if self.as_json:
            self._out.print(json.dumps(plain(data)), markup=False)
        else:
            self._out.print(line)

    def table(self, rows: Sequence[Any], columns: Columns, empty: str, least: Sequence[str] = ()) -> None:
        """Print rows as a table, or as JSON; `empty` is printed if there are none.

        Nothing is shortened. In a pipe each row is one line. On a terminal long texts go on in the next line;
        if that is not enough, the columns in `least` are left out, the first one first.
        """
        if self.as_json:
            self.result(list(rows))
            return
        if not rows:
            self._say_there_is_none(empty)
            return
        cells = {heading: [_cell(value(row)) for row in rows] for heading, value in columns.items()}
        if self._out.is_terminal:
            self._table_for_people(cells, least)
        else:
            self._table_for_programs(cells)

    def _say_there_is_none(self, empty: str) -> None:
        """A program that reads rows must not take this sentence for one."""
        (self._out if self._out.is_terminal else self._err).print(empty)

    def _table_for_programs(self, cells: dict[str, list[str]]) -> None:
        columns = [[heading, *texts] for heading, texts in cells.items()]
        widths = [max(map(cell_len, column)) + _GAP for column in columns]
        for row in zip(*columns, strict=True):
            padded = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
            self._out.file.write("".join(padded).rstrip() + "\n")

    def _table_for_people(self, cells: dict[str, list[str]], least: Sequence[str]) -> None:
        left_out = []
        for heading in least:
            if _least_width(cells) <= self._out.width:
                break
            if cells.pop(heading, None) is not None:
                left_out.append(heading)
        fits = _least_width(cells) <= self._out.width
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
        for heading, texts in cells.items():
            least_width = _longest_word(heading, texts) if fits else None
            table.add_column(heading, overflow="fold", min_width=least_width)
        for row in zip(*cells.values(), strict=True):
            table.add_row(*map(Text, row))
        self._out.print(table, soft_wrap=False)
        if left_out:
            self.say(f"Too narrow for {', '.join(left_out)}: a pipe or --json has all columns.")

    def error(self, error: TenantryError) -> None:
        """Print an error's sentence and remedy."""
        if self.as_json:
            data = {"error": str(error), "error_class": type(error).__name__, "remedy": error.remedy}
            self._err.print(json.dumps({**data, "retryable": error.retryable}), markup=False)
            return
        begins = "" if isinstance(error, Interrupted) else "[bold red]Error:[/] "
        self._err.print(f"{begins}{plain_text(str(error))}")
        if error.remedy:
            self._err.print(f"[bold]Remedy:[/] {plain_text(error.remedy)}")

    @contextmanager
    def progress(
        self, title: str, left: WhatIsLeft, *, goes_on: bool = False, odoo_log: Path | None = None
    ) -> Iterator[OnStep]:
        """Show an operation's steps while it runs; with --json, as JSON lines on stderr.

        left, goes_on: see `said_when_interrupted`. odoo_log: of the Odoo that installs modules in a step; how
        many it has loaded is shown.
        """
        with (
            said_when_interrupted(left, goes_on=goes_on),
            self._steps(title, odoo_log) as on_step,
        ):
            yield on_step

    @contextmanager
    def _steps(self, title: str, odoo_log: Path | None) -> Iterator[OnStep]:
        if self.as_json:
            yield self._step_as_json
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._err, transient=True) as bar:
            task, current = bar.add_task(title, total=1.0), ""

            def show(detail: str = "") -> None:
                bar.update(task, description=f"{title}: {current}{detail}" if current else title)

            def on_step(event: StepEvent) -> None:
                nonlocal current
                current = event.step
                bar.update(task, completed=event.fraction)
                show()
                if event.status in _MARKS:
                    took = f" {event.duration_s:7.3f} s" if event.duration_s else ""
                    bar.console.print(f" {_MARKS[event.status]} {plain_text(event.step):<12}{took}")

            with _following(odoo_log, show) if odoo_log and bar.console.is_terminal else nullcontext():
                yield on_step

    def _step_as_json(self, event: StepEvent) -> None:
        self._err.print(json.dumps(asdict(event)), markup=False)


@contextmanager
def said_when_interrupted(left: WhatIsLeft, *, goes_on: bool = False) -> Iterator[None]:
    """Raise Interrupted with what is left, when the user presses Ctrl-C in the block.

    left: after Ctrl-C, says what is left of the operation. goes_on: it is not the command's last one; after
    the last one Ctrl-C is ignored, for the result must be printed.
    """
    try:
        yield
        if not goes_on:
            interrupts.finish()
    except Interrupted:
        raise
    except (KeyboardInterrupt, TenantryError) as error:
        if isinstance(error, TenantryError) and not interrupts.happened():
            raise
        with interrupts.shielded():
            try:
                raise Interrupted(*left()) from None
            except Interrupted:
                raise
            except TenantryError as unknown:
                raise Interrupted(f"what is left is unknown: {unknown}", unknown.remedy) from None


@contextmanager
def _following(odoo_log: Path, show: Callable[[str], None]) -> Iterator[None]:
    """Say how many modules Odoo has loaded, from what its log says since the beginning of the block."""
    ended = threading.Event()
    begin = odoo_log.stat().st_size if odoo_log.exists() else 0

    def follow() -> None:
        while not ended.wait(_LOOK_EVERY_S):
            if odoo_log.exists():
                size = odoo_log.stat().st_size
                new = tail(odoo_log, min(size - begin if size > begin else size, _TAIL_BYTES))
                if (loaded := modules_loaded(new)) and not ended.is_set():
                    show(loaded)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def modules_loaded(log: str) -> str:
    """How far Odoo has come, by the end of its log: ", module 3 of 40"; "" if it loads none."""
    found = _LOADING.findall(log)
    return f", module {found[-1][0]} of {found[-1][1]}" if found else ""


def plain(value: Any) -> Any:
    """Dataclasses, tuples and secrets as JSON values. Secrets are shown: a password can be a result."""
    if isinstance(value, Secret):
        return value.reveal()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def _cell(value: object) -> str:
    """A cell's text in one line: a message may have several."""
    return _printable(" ".join(str(value).split()))


def _longest_word(heading: str, texts: Sequence[str]) -> int:
    """The width that a column needs so that no word is broken: names, ids and addresses are words."""
    return max(cell_len(word) for text in [heading, *texts] for word in text.split() or [""])


def _least_width(cells: Mapping[str, Sequence[str]]) -> int:
    return sum(_longest_word(heading, texts) + _GAP for heading, texts in cells.items()) - _GAP


def megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.0f} MB"


def utc_minute(seconds: float) -> str:
    """seconds: since 1970."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def plain_text(text: str) -> str:
    """Escape text that is not ours, so that it is not read as markup, nor by the terminal as a command."""
    return _printable(text).replace("[", r"\[")


def _printable(text: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
