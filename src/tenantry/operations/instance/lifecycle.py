"""Change the state of instances, and terminate them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from tenantry.errors import FinalBackupFailed, InstanceNotFound, InvalidValue, TenantryError
from tenantry.model import names
from tenantry.model.backup import new_name
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.instance import Instance
from tenantry.model.operations import OPERATIONS
from tenantry.model.progress import OnStep, ignore
from tenantry.model.states import Action, after
from tenantry.operations.context import Context, relabel
from tenantry.operations.instance.kept import drop_kept, settle
from tenantry.operations.instance.modules import install_log
from tenantry.operations.inventory import describe, find_instance, find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import Connection
from tenantry.postgres.notify import notify_spawner

_OK, _UNAVAILABLE = 200, 503


@dataclass(frozen=True)
class Changing:
    """An instance whose state is being changed."""

    context: Context
    connection: Connection
    name: str


@dataclass(frozen=True)
class Terminating(Changing):
    """An instance that is being terminated. before: its label until then; None if it has none any more."""

    before: Label | None
    without_backup: bool = False


_WITH_DATA = (State.ACTIVE, State.STOPPED, State.SUSPENDED, State.RENAMING, State.MOVING)
"""The states of instances that a customer uses, and whose data is here."""


# ---------------------------------------------------------------- steps


def _set_state(subject: Changing, action: Action) -> None:
    label = find_instance(subject.connection, subject.name)
    state = after(subject.name, label.state, action)
    relabel(subject.context, subject.connection, subject.name, label.having(state=state, published=False))


def _suspend(subject: Changing) -> None:
    """Its process has ended when this returns."""
    _set_state(subject, Action.SUSPEND)


def _reactivate(subject: Changing) -> None:
    _set_state(subject, Action.REACTIVATE)


def _stop(subject: Changing) -> None:
    """Its process has ended when this returns."""
    _set_state(subject, Action.STOP)


def _start(subject: Changing) -> None:
    _set_state(subject, Action.START)


def _enable_login_to_reactivate(subject: Changing) -> None:
    _enable_login(subject, Action.REACTIVATE)


def _enable_login_to_start(subject: Changing) -> None:
    _enable_login(subject, Action.START)


def _enable_login(subject: Changing, action: Action) -> None:
    """Enable login before the instance can wake, and set the password, which the tenant may have changed."""
    after(subject.name, find_instance(subject.connection, subject.name).state, action)
    password = subject.context.role_password(subject.name)
    roles.enable_login(subject.connection, subject.name, password)


def _start_terminating(subject: Terminating) -> None:
    """Its process has ended when this returns. Its final backup has its name before it is made: it is one."""
    label = find_instance(subject.connection, subject.name)
    state = after(subject.name, label.state, Action.TERMINATE)
    final = label.final_backup
    if label.state is not State.TERMINATING:
        final = new_name(subject.name, datetime.now(UTC)) if _needs_backup(subject, label) else ""
    changed = label.having(state=state, published=False, final_backup=final)
    relabel(subject.context, subject.connection, subject.name, changed)


def _needs_backup(subject: Terminating, label: Label) -> bool:
    is_taken = subject.context.settings.final_backup_days > 0 and not subject.without_backup
    return is_taken and label.state in _WITH_DATA and not label.is_arriving


def _take_final_backup(subject: Terminating) -> None:
    """Take it when nobody can write any more, so that it has everything. Raises FinalBackupFailed."""
    # Here, for threads that a library of archives starts do not survive a fork.
    from tenantry.operations.backup.take import take_final

    connection, name = subject.connection, subject.name
    backup = find_instance(connection, name).final_backup
    if not backup or subject.without_backup:
        return
    try:
        databases.end_sessions(connection, name)
        take_final(subject.context, connection, name, backup)
    except TenantryError as error:
        _revive(subject)
        raise FinalBackupFailed(name, str(error)) from error


def _revive(subject: Terminating) -> None:
    """Let it be used as before, unless its termination began in another run."""
    before = subject.before
    if before is None or before.state is State.TERMINATING:
        return
    if before.state is State.ACTIVE:
        password = subject.context.role_password(subject.name)
        roles.enable_login(subject.connection, subject.name, password)
    relabel(subject.context, subject.connection, subject.name, before)


def _disable_login(subject: Changing) -> None:
    roles.disable_login(subject.connection, subject.name)


def _end_sessions(subject: Changing) -> None:
    """End the sessions that remain in PostgreSQL, such as a query whose process has ended."""
    databases.end_sessions(subject.connection, subject.name)


def _expect_blocked(subject: Changing) -> None:
    subject.context.expect(subject.name, _UNAVAILABLE)


def _expect_served(subject: Changing) -> None:
    subject.context.expect(subject.name, _OK)


def _is_dropped(subject: Changing) -> bool:
    return databases.find(subject.connection, subject.name) is None


def _drop_database(subject: Changing) -> None:
    label = find_instance(subject.connection, subject.name)
    if label.filestore:
        subject.context.filestores.remove(label.filestore)
    databases.drop(subject.connection, subject.name)


def _remove_filestore(subject: Changing) -> None:
    """Nobody is led there any more: told here, where a run that was killed after the drop goes on."""
    notify_spawner(subject.connection, subject.name)
    subject.context.runtime.follow([subject.name])
    subject.context.filestores.remove(subject.name)
    # A later instance of that name is another customer's.
    install_log(subject.context.settings, subject.name).unlink(missing_ok=True)


def _drop_kept(subject: Changing) -> None:
    drop_kept(subject.context, subject.connection, subject.name)


def _drop_role(subject: Changing) -> None:
    """The last step: a termination is finished when the role does not exist any more."""
    roles.drop(subject.connection, subject.name)


SUSPEND: tuple[Step[Changing], ...] = (
    Step("state", _suspend),
    Step("lock", _disable_login),
    Step("sessions", _end_sessions),
    Step("probe", _expect_blocked),
)
REACTIVATE: tuple[Step[Changing], ...] = (
    Step("unlock", _enable_login_to_reactivate),
    Step("state", _reactivate),
    Step("probe", _expect_served),
)
STOP: tuple[Step[Changing], ...] = (
    Step("stop", _stop),
    Step("lock", _disable_login),
    Step("sessions", _end_sessions),
    Step("blocked", _expect_blocked),
)
START: tuple[Step[Changing], ...] = (
    Step("unlock", _enable_login_to_start),
    Step("start", _start),
    Step("probe", _expect_served),
)
STEPS: Mapping[Action, tuple[Step[Changing], ...]] = MappingProxyType(
    {
        Action.SUSPEND: SUSPEND,
        Action.REACTIVATE: REACTIVATE,
        Action.STOP: STOP,
        Action.START: START,
    }
)
TERMINATE: tuple[Step[Terminating], ...] = (
    Step("state", _start_terminating, is_done=_is_dropped),
    Step("lock", _disable_login, is_done=_is_dropped),
    Step("backup", _take_final_backup, is_done=_is_dropped),
    Step("database", _drop_database, is_done=_is_dropped),
    Step("filestore", _remove_filestore),
    Step("kept", _drop_kept),
    Step("role", _drop_role),
)


# ---------------------------------------------------------------- operations


def operate(context: Context, name: str, operation: str, on_step: OnStep = ignore) -> Instance:
    """Run an operation of `model.operations` whose actions are all in `STEPS`.

    Raises InvalidValue, InstanceNotFound, InvalidTransition, ProbeFailed.
    """
    steps = _steps(operation)
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        settle(context, connection, name)
        Operation(operation, name, steps, on_step).run(Changing(context, connection, name))
        return describe(context, Database(name, find_instance(connection, name)))


def _steps(operation: str) -> tuple[Step[Changing], ...]:
    known = {row.name: row.actions for row in OPERATIONS.values() if STEPS.keys() >= set(row.actions)}
    if operation not in known:
        raise InvalidValue("operation", operation, f"one of {', '.join(known)}")
    return tuple(step for action in known[operation] for step in STEPS[action])


def terminate(
    context: Context,
    name: str,
    on_step: OnStep = ignore,
    reference: str = "",
    *,
    without_backup: bool = False,
) -> None:
    """Drop an instance: database, files and role, after a final backup.

    reference: drop the instance only if it was created with this reference; else it counts as not found.
    without_backup: take none. Raises InstanceNotFound, Busy; FinalBackupFailed, and then nothing was dropped.
    """
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        found = find_labelled(connection, name, Kind.INSTANCE)
        is_anothers = reference and found and found.label and found.label.reference not in ("", reference)
        if is_anothers or not (found or _is_half_terminated(connection, name)):
            raise InstanceNotFound(name)
        if found:
            settle(context, connection, name)
        before = find_instance(connection, name) if found else None
        subject = Terminating(context, connection, name, before, without_backup)
        Operation("terminate", name, TERMINATE, on_step).run(subject)


def _is_half_terminated(connection: Connection, name: str) -> bool:
    """Whether a killed termination left the role, which is dropped last. Our system roles do not count."""
    is_instance = names.is_label(name)
    return is_instance and databases.find(connection, name) is None and roles.is_ours(connection, name)


def abandon(context: Context, name: str, reference: str) -> bool:
    """Terminate what a failed creation left; return whether it left anything.

    An instance of that name with another reference is another customer's, and stays. Raises as `terminate`.
    """
    with context.maintenance() as connection:
        found = find_labelled(connection, name, Kind.INSTANCE)
    if not (reference and found and found.label and found.label.reference == reference):
        return False
    terminate(context, name, without_backup=True)
    return True
