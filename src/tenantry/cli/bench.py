"""`tenantry bench`: run the measurements of `bench/`, in a source tree."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Annotated

import typer

from tenantry.cli.common import command
from tenantry.errors import NotFound

_SOURCE = Path(__file__).resolve().parents[3]


class BenchNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("The measurements are not part of the installed package.")
        self.remedy = "Run `make bench` in a clone of the repository."


@command
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer repetitions: seven minutes in place of half an hour.")
    ] = False,
    results: Annotated[
        Path | None, typer.Option(help="The folder of the results; by default bench/results.")
    ] = None,
) -> None:
    """Measure creations side by side with Odoo's own tools (see `bench/README.md`)."""
    if not (_SOURCE / "bench" / "__main__.py").exists():
        raise BenchNotFound
    sys.path.insert(0, str(_SOURCE))
    sys.argv = ["bench", *(["--quick"] if quick else []), *(["--results", str(results)] if results else [])]
    runpy.run_module("bench", run_name="__main__")
