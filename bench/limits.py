"""How close the engine is to what PostgreSQL and Odoo themselves need, in time and in memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ParamSpec

import psutil
from psycopg import sql

from bench.figures import Figure, MeasurementFailed
from bench.installation import TEMPLATE, Installation
from tenantry.engine import Engine
from tenantry.odoo.probe import LOGIN_PATH
from tenantry.operations import clone
from tenantry.postgres import strategy
from tenantry.postgres.cluster import Connection, translated

Arguments = ParamSpec("Arguments")


def clones(installation: Installation) -> list[Figure]:
    """The engine's clone step and PostgreSQL's bare statement, by turns, by the same strategy.

    Nothing is dropped in between: that makes PostgreSQL write a checkpoint, which slows the next clone.
    """
    context, rounds = installation.engine.context, range(installation.plan.clones)
    with context.maintenance() as connection, clone.using_template(connection, TEMPLATE) as template:
        how = strategy.fastest(connection)
        strategy.prepare(connection, how)
        step = next(step for step in clone.STEPS if step.name == "database")
        seconds = [
            (
                _timed(step.run, clone.Cloning(context, connection, template, f"bench_clone_{number}")),
                _timed(_create_bare, connection, template.name, f"bench_bare_{number}", how),
            )
            for number in rounds
        ]
    by_engine, bare = zip(*seconds, strict=True)
    return [
        Figure("clone", "Clone step of the engine", "s", by_engine, str(how)),
        Figure("bare_clone", "Bare CREATE DATABASE", "s", bare, str(how)),
    ]


def _timed(action: Callable[Arguments, None], *args: Arguments.args, **kwargs: Arguments.kwargs) -> float:
    began = time.monotonic()
    action(*args, **kwargs)
    return time.monotonic() - began


def _create_bare(connection: Connection, template: str, name: str, how: strategy.Strategy) -> None:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}{}").format(
        sql.Identifier(name), sql.Identifier(template), how.clause
    )
    with translated(connection, "clone a database", name):
        connection.execute(statement)


def memory_and_floor(installation: Installation) -> list[Figure]:
    """Load tenants into a fresh server, each by one request of its login page.

    That request is the floor of a creation: a ready database whose registry no process has.
    The first tenant is not counted: with it comes Odoo's code. No scheduled jobs meanwhile.
    """
    settings = replace(installation.engine.settings, cron_threads=0, workers=0)
    names = [creation.instance.name for creation in installation.creations]
    first, *others = names[: installation.plan.tenants_in_memory + 1] or [""]
    if not others:
        raise MeasurementFailed("there are no tenants to load")
    installation.engine.runtime.stop()
    engine = Engine(settings)
    engine.start_tenants()
    server = _Server(engine)
    server.load(first)
    before = server.memory_mb()
    seconds = tuple(server.load(name) for name in others)
    each_mb = (server.memory_mb() - before) / len(others)
    return [
        Figure("floor", "Floor: first login page of a ready database", "s", seconds),
        Figure("memory", "Memory of one more idle tenant", "MB", (each_mb,), f"USS, of {len(others)}"),
    ]


@dataclass(frozen=True)
class _Server:
    engine: Engine

    def load(self, name: str) -> float:
        """Ask for a tenant's login page; return the seconds. Raises MeasurementFailed."""
        route = self.engine.runtime.route(name)
        began = time.monotonic()
        status = route.get(LOGIN_PATH, timeout_s=60)
        if status != 200:
            raise MeasurementFailed(f"the login page of {name} answered {status}")
        return time.monotonic() - began

    def memory_mb(self) -> float:
        """What the process has for itself (USS): shared libraries and the like do not count."""
        pid = self.engine.runtime.pid
        if pid is None:
            raise MeasurementFailed("the tenant server ended")
        uss: int = psutil.Process(pid).memory_full_info().uss
        return uss / 2**20
