"""Use the data that an instance had before a restore again, or remove it."""

from __future__ import annotations

from tenantry.errors import NothingKept
from tenantry.model import names
from tenantry.model.catalog import Database
from tenantry.model.instance import Instance
from tenantry.model.progress import OnStep, ignore
from tenantry.model.states import Action, after
from tenantry.operations.context import Context
from tenantry.operations.instance.kept import EXCHANGE, Exchange, drop_kept, find_kept, settle
from tenantry.operations.inventory import describe, find_instance
from tenantry.operations.steps import Operation, Step
from tenantry.postgres import locks

PUT_BACK = "put back"


def put_back(context: Context, name: str, on_step: OnStep = ignore) -> Instance:
    """Let the instance have the data that it had before its restore; what it has now is kept in turn.

    A failed run leaves the instance as it was, and a killed one is run again. Raises InstanceNotFound,
    NothingKept, InvalidTransition, Busy, FilestoreFailure, ProbeFailed.
    """
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        was_made = settle(context, connection, name) == PUT_BACK
        after(name, find_instance(connection, name).state, Action.RESTORE)
        if not find_kept(connection, name):
            raise NothingKept(name)
        exchange = Exchange(context, connection, name, PUT_BACK, names.kept_database(name), was_made=was_made)
        Operation("put back", name, EXCHANGE, on_step).run(exchange)
        return describe(context, Database(name, find_instance(connection, name)))


def confirm(context: Context, name: str, on_step: OnStep = ignore) -> None:
    """Remove the data that the instance had before its restore, if it is kept.

    Raises InstanceNotFound, Busy, FilestoreFailure.
    """
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        find_instance(connection, name)
        settle(context, connection, name)
        steps = (Step[str]("data", lambda it: drop_kept(context, connection, it)),)
        Operation("confirm", name, steps, on_step).run(name)
