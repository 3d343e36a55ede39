"""`python -m bench`: measure everything once, on one machine, with one template."""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
from rich.console import Console

from bench import (
    api,
    back_office,
    backups,
    busy,
    containers,
    creations,
    jobs,
    limits,
    memory,
    moves,
    signup,
    sleeping,
    wakes,
)
from bench.chart import draw
from bench.figures import Figure, comparisons, joined
from bench.installation import Installation, temporary_installation
from bench.machine import describe_machine, describe_source, load
from bench.old_server import OldServer
from bench.pages import Pages
from bench.peers import Peers
from bench.plain import Plain
from bench.plan import FULL, QUICK, Plan
from bench.report import Facts, Results, print_tables, write_json
from tenantry.errors import TenantryError

_RESULTS = Path(__file__).with_name("results")
_INTERRUPTED, _TERMINATED = 130, 143
_PIPE_WIDTH = 150
_BUSY_TURNS = 3

Measure = Callable[[Installation], list[Figure]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 unless something could not be measured: a missed target is a result."""
    options = _parse(arguments)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    progress = Console(stderr=True, highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        results = _run(QUICK if options.quick else FULL, progress)
    except KeyboardInterrupt:
        return _INTERRUPTED
    stem = "quick" if options.quick else "latest"
    write_json(results, options.results / f"{stem}.json")
    draw(results, options.results / f"{stem}.png")
    print_tables(results, console)
    return 1 if results.failures else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions; kept as quick.json")
    parser.add_argument("--results", type=Path, default=_RESULTS, help="where the results are written")
    return parser.parse_args(arguments)


def _run(plan: Plan, progress: Console) -> Results:
    figures: list[Figure] = []
    failures: dict[str, str] = {}

    def report(line: str) -> None:
        progress.print(f"[dim]{line}[/]")

    began, load_before = time.monotonic(), load()
    with temporary_installation(plan, report) as installation:
        for title, measure in _measurements(installation):
            progress.print(f"{time.monotonic() - began:4.0f} s  {title}")
            with progress.status(title):
                try:
                    figures += measure(installation)
                except (TenantryError, OSError, http.client.HTTPException, httpx.HTTPError) as error:
                    failures[title] = _reason(error, installation)
        took_s = round(time.monotonic() - began)
        facts = {**_facts(installation), "load_before": load_before, "took_s": took_s}
        report("stopping and removing everything")
    figures += comparisons({figure.code: figure for figure in figures})
    return Results(facts, tuple(figures), failures)


def _measurements(installation: Installation) -> tuple[tuple[str, Measure], ...]:
    """The measurements, in this order: each uses the results of the earlier ones."""
    old, plain = OldServer(installation), Plain(installation)
    peers, pages = Peers(plain), Pages(plain)

    def templates(installation: Installation) -> list[Figure]:
        old.begin()
        return creations.build_template(installation)

    def by_turns(name: str, measure: Measure, turns: int = 1) -> Measure:
        """Measure the previous server, too, at the same time: disturbances then affect both."""
        sides = (lambda: old.measure(name), lambda: measure(installation))
        return lambda _: joined(
            figure for _ in range(turns) for side in sides for figure in _undisturbed(side)
        )

    def first_pages_before(_: Installation) -> list[Figure]:
        figures = old.measure("memory")
        old.end()
        return figures

    office = (
        ("back office, button", back_office.button),
        ("REST API", api.api),
        ("signup", signup.signup),
        ("back office, many records", back_office.many_records),
    )
    return (
        ("template", templates),
        ("floor", lambda _: pages.floor()),
        ("create, a spare waiting", by_turns("warm", creations.with_spares)),
        ("create, no spare", by_turns("cold", creations.without_spares)),
        ("many at once", by_turns("at_once", creations.at_once)),
        ("warm page", by_turns("page", lambda _: pages.warm())),
        ("busy tenants", by_turns("busy", busy.busy, _BUSY_TURNS)),
        ("the server before, first pages", first_pages_before),
        ("wake", wakes.wakes),
        ("first page after login", creations.first_pages),
        ("many wakes at once", wakes.storm),
        ("odoo db duplicate", lambda _: peers.duplicates()),
        ("click-odoo-copydb", lambda _: peers.copydbs()),
        ("odoo -i", lambda _: peers.fresh_install()),
        ("clone", limits.clones),
        ("tenants awake", memory.awake),
        *(office if installation.plan.with_office else ()),
        ("tenants asleep", sleeping.sleeping),
        ("jobs of tenants asleep", jobs.on_time),
        ("containers", containers.containers),
        ("move", moves.moves),
        ("backup of a large tenant", backups.large),
        ("nights of backups", backups.nights),
    )


def _undisturbed(measure: Callable[[], list[Figure]]) -> list[Figure]:
    """Flush earlier writes to the disk, so that they do not disturb a measurement."""
    os.sync()
    return measure()


def _facts(installation: Installation) -> Facts:
    return {
        **describe_source(),
        "odoo": installation.engine.odoo.version,
        "postgresql": installation.postgres_version(),
        **describe_machine(installation.postgres_folder()),
        "strategy": installation.strategy(),
        "plan": installation.plan.name,
    }


def _reason(error: Exception, installation: Installation) -> str:
    """The error's message, without paths of this machine."""
    return str(error).replace(str(installation.home), "HOME").replace(str(Path.home()), "~")


if __name__ == "__main__":
    sys.exit(main())
