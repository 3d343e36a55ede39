"""The engine's time compared with PostgreSQL's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ParamSpec

from psycopg import sql

from bench.figures import Figure
from bench.installation import TEMPLATE, Installation
from tenantry.operations.template import clone
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
