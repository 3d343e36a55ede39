"""An instance moves between two servers of the installation: how long its visitors wait."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager

from bench.figures import Figure
from bench.installation import Installation
from bench.ports import free_port
from tenantry.engine import Engine
from tenantry.engine.moving import move
from tenantry.model.progress import StepEvent, StepStatus
from tenantry.postgres import databases

_NAME, _SECOND = "mover", "beside"
_SIZE_BYTES = 100 * 2**20
_ROWS_AT_ONCE = 10_000
_HELD = ("freeze", "catch up", "load", "verify", "switch", "forward")


def moves(installation: Installation) -> list[Figure]:
    """There and back twice, after its database has grown to 100 MB."""
    here = installation.engine
    with _second_server(here) as there:
        installation.create(_NAME)
        grow(here, _NAME, _SIZE_BYTES)
        took: dict[str, list[float]] = {step: [] for step in _HELD}

        def note(event: StepEvent) -> None:
            if event.status is StepStatus.DONE and event.step in took:
                took[event.step].append(event.duration_s)

        ways = ((here, there), (there, here)) * 2
        pauses = tuple(move(source, target, _NAME, note).pause_s for source, target in ways)
    note_of_steps = ", ".join(f"{step} {statistics.median(seconds):.2f} s" for step, seconds in took.items())
    return [Figure("move_pause", "Move of a 100 MB instance: visitors wait", "s", pauses, note_of_steps)]


@contextmanager
def _second_server(here: Engine) -> Iterator[Engine]:
    file = here.settings.installation.file
    before = file.read_text() if file.exists() else None
    server = f"[servers.{_SECOND}]\nbase_domain = '{_SECOND}.localhost'\nhttp_port = {free_port()}\n"
    file.write_text((before or "") + "\n" + server)
    there = Engine(here.settings, report=print).at(_SECOND)
    try:
        there.start_postgres()
        there.start_tenants()
        yield there
    finally:
        there.stop()
        file.unlink() if before is None else file.write_text(before)


def grow(engine: Engine, name: str, size_bytes: int) -> None:
    """Add contacts to an instance until its database is so large."""
    query = """
        INSERT INTO res_partner (name, complete_name, is_company, active, type, company_registry, comment,
                                 create_date)
        SELECT 'Customer ' || number, 'Customer ' || number, true, true, 'contact', md5(number::text),
               repeat(md5(random()::text), 20), now()
          FROM generate_series(1, %s) AS number
    """
    with engine.context.maintenance() as connection, engine.context.cluster.connect(name) as inside:
        while databases.sizes_bytes(connection, name)[name] < size_bytes:
            inside.execute(query, [_ROWS_AT_ONCE])
