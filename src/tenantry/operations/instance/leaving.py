"""The parts of a move at the server that the instance leaves: `send`, `freeze`, `leave`, and later `confirm`.

`thaw` undoes `freeze`.
"""

from __future__ import annotations

import time

from tenantry.archive.load import find_archive
from tenantry.errors import InvalidTransition
from tenantry.model import names
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.states import Action, after
from tenantry.operations.context import Context, name_files, relabel
from tenantry.operations.instance.availability import name_locks
from tenantry.operations.instance.dump import dump_instance
from tenantry.operations.instance.moves import archives_place, check_run, drop_former, give_name
from tenantry.operations.inventory import find_instance
from tenantry.operations.template.clone import database_lock, discard
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.notify import notify_spawner


def send(context: Context, name: str, first: str = "") -> str:
    """Dump the instance for the move; return the archive's name. Raises as `dump_instance`.

    first: the archive before, whose files are not read again.
    """
    sent = archives_place(context, context.settings.name, name)
    former = find_archive(sent.store, sent.keys, first).manifest if first else None
    return dump_instance(context, name, sent.store.url, moves=True, former=former).archive


def freeze(context: Context, name: str, run: str) -> None:
    """Hold the instance: when this returns, nothing writes to it, and its visitors wait.

    run: of the move; only this run may go on from here. Raises InstanceNotFound, InvalidTransition, Busy.
    """
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        label = find_instance(connection, name)
        state = after(name, label.state, Action.MOVE)
        if label.is_arriving:
            raise InvalidTransition(name, label.state, Action.MOVE)
        frozen_at = label.frozen_at or time.time()
        relabel(context, connection, name, label.having(state=state, move=run, frozen_at=frozen_at))
        roles.disable_login(connection, name)
        databases.end_sessions(connection, name)


def thaw(context: Context, name: str, run: str) -> None:
    """Serve the instance again. Raises InstanceNotFound, InvalidTransition, Busy."""
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        label = find_instance(connection, name)
        if label.state is State.ACTIVE:
            return
        state = after(name, label.state, Action.ACTIVATE)
        check_run(name, label, run)
        roles.enable_login(connection, name, context.role_password(name))
        relabel(context, connection, name, label.having(state=state, move="", frozen_at=0.0))


def leave(context: Context, name: str, run: str, server: str, forward_to: str) -> float:
    """Forward the instance's visitors to the other server; return how long they were held, in seconds.

    Raises InstanceNotFound, InvalidTransition, Busy.
    """
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        label = find_instance(connection, name)
        state = after(name, label.state, Action.LEAVE)
        if label.state is State.MOVED:
            return label.pause_s
        check_run(name, label, run)
        moved = label.having(
            state=state,
            moved_to=server,
            forward_to=forward_to,
            move="",
            frozen_at=0.0,
            pause_s=round(time.time() - label.frozen_at, 3),
        )
        relabel(context, connection, name, moved)
        return moved.pause_s


def confirm(context: Context, name: str) -> None:
    """Remove the data of an instance that has moved away; its label stays, with an empty database.

    Raises InstanceNotFound, InvalidTransition, Busy.
    """
    with context.maintenance() as connection, name_locks(connection, [name], ()):
        label = find_instance(connection, name)
        after(name, label.state, Action.CONFIRM_MOVE)
        former, made = names.former_database(name), names.loading_database(name)
        with database_lock(connection, made):
            if not label.confirmed:
                discard(context, connection, made)
                databases.create(connection, made, Label(Kind.SPARE, State.BUILDING))
                roles.create(connection, made)
                context.filestores.make(made, lambda _make_file: None)
                with databases.transaction(connection):
                    give_name(connection, name, former, label.having(kind=Kind.FORMER))
                    give_name(connection, made, name, label.having(confirmed=True, filestore=made))
                    notify_spawner(connection, name)
            context.runtime.follow([name])
            label = find_instance(connection, name)
            if label.filestore and context.filestores.exists(label.filestore):
                context.filestores.remove(name)  # the former's
            drop_former(context, connection, name)
            name_files(context, connection, name)
