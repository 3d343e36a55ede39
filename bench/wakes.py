"""Requests of the login pages of sleeping tenants: one at a time, and many at the same moment."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

from bench.figures import Figure, MeasurementFailed
from bench.installation import Installation
from bench.load import seconds_for_page
from bench.sleep import put_to_sleep


def wakes(installation: Installation) -> list[Figure]:
    """One request after the other, each to another tenant."""
    engine = installation.engine
    names = list(itertools.islice(itertools.cycle(installation.names), installation.plan.wakes))
    put_to_sleep(engine, set(names))
    seconds = tuple(_wake(installation, name) for name in names)
    return [Figure("wake", "Wake of a sleeping tenant", "s", seconds)]


def _wake(installation: Installation, name: str) -> float:
    put_to_sleep(installation.engine, [name])
    return seconds_for_page(installation.engine.context.route(name))


def storm(installation: Installation) -> list[Figure]:
    """So many wakes in rounds; all of a round ask at the same moment."""
    plan = installation.plan
    tenants = itertools.cycle(installation.names)
    answers: list[float | None] = []
    with ThreadPoolExecutor(plan.storm_at_once) as threads:
        for _ in range(plan.storm // plan.storm_at_once):
            names = list(itertools.islice(tenants, plan.storm_at_once))
            put_to_sleep(installation.engine, names)
            begin = threading.Barrier(len(names))
            answers += threads.map(lambda name, begin=begin: _answer(installation, name, begin), names)
    seconds = tuple(answer for answer in answers if answer is not None)
    if not seconds:
        raise MeasurementFailed("none of the tenants woke")
    many = f"{len(answers)} wakes, {plan.storm_at_once} at once"
    return [
        Figure("storm", f"{many}: each", "s", seconds),
        Figure("storm_failed", f"{many}: failed requests", "", (float(len(answers) - len(seconds)),)),
    ]


def _answer(installation: Installation, name: str, begin: threading.Barrier) -> float | None:
    """The seconds; None for a failed request."""
    begin.wait()
    try:
        return seconds_for_page(installation.engine.context.route(name))
    except MeasurementFailed as error:
        installation.report(str(error))
        return None
