"""`python -m bench.old_run PLAN FOLDER`: measure the previous server with its own code; see `old_server.py`.

It gets the measurements one after the other: a file `<measurement>.go` in FOLDER is the request, and
`<measurement>.json` is the answer. This file imports only what that version of `tenantry` has. In that
version one process serves all tenants: it is measured in the same way as it was then.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import psutil

from bench import busy, creations
from bench.figures import Figure, MeasurementFailed
from bench.installation import Installation, start
from bench.load import pages_by_turns, seconds_for_page
from bench.plan import PLANS
from tenantry.engine import Engine

_POLL_S = 0.1


def main(plan: str, folder: Path) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    home = folder / "home"
    home.mkdir()
    home.chmod(0o755)
    with ExitStack() as closing:
        installation = start(home, PLANS[plan], print, closing)
        creations.build_template(installation)
        while name := _next_wish(folder):
            _write(_MEASUREMENTS[name](installation), folder / f"{name}.json")


def _write(figures: list[Figure], file: Path) -> None:
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps([_without_marks(figure) for figure in figures]))
    partial.rename(file)


def _next_wish(folder: Path) -> str:
    """Read the name of the next measurement; "" when the parent has ended."""
    parent = os.getppid()
    while os.getppid() == parent:
        for file in folder.glob("*.go"):
            file.unlink()
            return file.stem
        time.sleep(_POLL_S)
    return ""


def _without_marks(figure: Figure) -> dict[str, object]:
    return {key: value for key, value in asdict(figure).items() if key != "is_whole"}


def _warm_pages(installation: Installation) -> list[Figure]:
    route = installation.engine.runtime.route(installation.names[0])
    (seconds,) = pages_by_turns([route], installation.plan.pages)
    return [Figure("page", "Warm login page", "s", seconds)]


def _memory_and_first_pages(installation: Installation) -> list[Figure]:
    """Load tenants into a fresh server without scheduled jobs, each by one request of its login page.

    The first is not counted: with it comes Odoo's code. Memory is USS: pages that no other process shares.
    """
    first, *others = installation.names[: installation.plan.tenants_in_memory + 1]
    installation.engine.runtime.stop()
    engine = Engine(replace(installation.engine.settings, cron_threads=0, workers=0))
    engine.start_tenants()
    seconds_for_page(engine.runtime.route(first))
    before = _memory_mb(engine)
    seconds = tuple(seconds_for_page(engine.runtime.route(name)) for name in others)
    each_mb = (_memory_mb(engine) - before) / len(others)
    return [
        Figure("first_load", "First page of a tenant that is not loaded", "s", seconds),
        Figure("memory", "Memory of one more idle tenant", "MB", (each_mb,), f"USS, of {len(others)}"),
    ]


def _memory_mb(engine: Engine) -> float:
    pid = engine.runtime.pid
    if pid is None:
        raise MeasurementFailed("the server ended")
    return psutil.Process(pid).memory_full_info().uss / 2**20


_MEASUREMENTS: dict[str, Callable[[Installation], list[Figure]]] = {
    "warm": creations.with_spares,
    "cold": creations.without_spares,
    "at_once": creations.at_once,
    "page": _warm_pages,
    "busy": busy.busy,
    "memory": _memory_and_first_pages,
}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
