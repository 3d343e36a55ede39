"""Creations by the engine: from the call to the first HTTP 200 of the tenant's login page."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.figures import Figure, MeasurementFailed
from bench.installation import TEMPLATE, Installation
from bench.versions import method
from tenantry.errors import TenantryError
from tenantry.model.instance import Creation


def build_template(installation: Installation) -> list[Figure]:
    """Build the template all others are made of; start the tenant server and warm it up."""
    began = time.monotonic()
    method(installation.engine, "templates.build")(installation.recipe)
    took_s = time.monotonic() - began
    installation.engine.start_tenants()
    installation.create("warm-up")
    size_mb = installation.built_template().size_bytes / 2**20
    return [Figure("template", "Building the template", "s", (took_s,), f"{size_mb:.0f} MB")]


def with_spares(installation: Installation) -> list[Figure]:
    count = installation.plan.warm
    method(installation.engine, "pool.fill")(TEMPLATE, count)
    made = [installation.create(f"warm-{number:02d}") for number in range(count)]
    _check(made, spare=True)
    return [Figure("warm", "Create, a spare waiting", "s", _durations(made), _steps(made))]


def without_spares(installation: Installation) -> list[Figure]:
    made = [installation.create(f"cold-{number:02d}") for number in range(installation.plan.cold)]
    _check(made, spare=False)
    return [Figure("cold", "Create, no spare", "s", _durations(made), _steps(made))]


def at_once(installation: Installation) -> list[Figure]:
    plan = installation.plan
    method(installation.engine, "pool.fill")(TEMPLATE, plan.spares)

    def attempt(number: int) -> Creation | TenantryError:
        try:
            return installation.create(f"many-{number:02d}")
        except TenantryError as error:
            installation.report(f"creation {number} of {plan.at_once}: {error}")
            return error

    with ThreadPoolExecutor(plan.at_once) as threads:
        began = time.monotonic()
        results = list(threads.map(attempt, range(plan.at_once)))
        took_s = time.monotonic() - began
    made = [result for result in results if isinstance(result, Creation)]
    if not made:
        raise MeasurementFailed(f"none of {plan.at_once} creations at once succeeded")
    many = f"{plan.at_once} at once, {plan.spares} spares"
    return [
        Figure("at_once", f"{many}: each", "s", _durations(made)),
        Figure("at_once_succeeded", f"{many}: succeeded", "%", (100 * len(made) / plan.at_once,)),
        Figure("at_once_rate", f"{many}: rate", "/s", (len(made) / took_s,)),
    ]


def first_pages(installation: Installation) -> list[Figure]:
    """The administrator's first page after their first login, with the scripts and styles it names."""
    chosen = [made for made in installation.creations if made.instance.name.startswith("warm-")]
    chosen = chosen[-installation.plan.first_pages :]
    if not chosen:
        raise MeasurementFailed("there is no tenant to log in to")
    prove_login = method(installation.engine, "instances.prove_login")
    seconds = tuple(prove_login(creation) for creation in chosen)
    return [Figure("first_page", "Administrator's first page after login", "s", seconds)]


def _check(made: Sequence[Creation], *, spare: bool) -> None:
    odd = [creation for creation in made if creation.spare is not spare]
    if odd:
        raise MeasurementFailed(f"{len(odd)} creations had {'no' if spare else 'a'} spare")


def _steps(made: Sequence[Creation]) -> str:
    """The median milliseconds of each step that takes some."""
    rows = zip(*(creation.steps for creation in made), strict=True)
    medians = ((row[0][0], round(1000 * statistics.median(took_s for _, took_s in row))) for row in rows)
    return "ms: " + ", ".join(f"{name} {median}" for name, median in medians if median)


def _durations(made: Sequence[Creation]) -> tuple[float, ...]:
    return tuple(creation.duration_s for creation in made)
