"""Rename an instance, which changes its address; its data stays where it is.

The instance is blocked from the first step to the last but one. A failed rename is undone by the same steps
with the names exchanged.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from tenantry.errors import DataKept, InstanceNotFound, Tampered
from tenantry.model.address import subdomain_host
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.instance import Instance
from tenantry.model.progress import OnStep, ignore
from tenantry.model.signing import now_us
from tenantry.model.states import Action, after
from tenantry.operations.context import Context, name_files, relabel
from tenantry.operations.instance.availability import check_free, check_hostnames, name_locks
from tenantry.operations.instance.kept import find_kept
from tenantry.operations.instance.modules import install_log
from tenantry.operations.inventory import describe, find_instance, find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import Connection
from tenantry.postgres.notify import notify_spawner

_OK, _NOT_FOUND = 200, 404


@dataclass(frozen=True)
class Renaming:
    """The rename of an instance."""

    context: Context
    connection: Connection
    old: str
    new: str

    @property
    def label(self) -> Label:
        """The label of the instance under its new name."""
        return find_instance(self.connection, self.new)


def is_renamed(subject: Renaming) -> bool:
    """Whether the database of the new name is this instance."""
    found = find_labelled(subject.connection, subject.new, Kind.INSTANCE)
    return bool(found and found.label and found.label.renamed_from == subject.old)


def _is_under_way(subject: Renaming) -> bool:
    return is_renamed(subject) and subject.label.state is State.RENAMING


def _block(subject: Renaming) -> None:
    """Block the instance: when this returns, its process has ended, and its role cannot log in."""
    label = find_instance(subject.connection, subject.old)
    state = after(subject.old, label.state, Action.RENAME)
    relabel(subject.context, subject.connection, subject.old, label.having(state=state))
    roles.disable_login(subject.connection, subject.old)


def _end_sessions(subject: Renaming) -> None:
    databases.end_sessions(subject.connection, subject.old)


def _name(subject: Renaming) -> None:
    """Rename database and role and write the label in one transaction; the files follow in the next step."""
    connection, old, new = subject.connection, subject.old, subject.new
    label = find_instance(connection, old)
    is_moved = not subject.context.filestores.exists(label.filestore or old)
    folder = old if is_moved else label.filestore or old
    identity = label.identity_of(old)
    named = label.having(renamed_from=old, filestore=folder, identity=identity, links_since=now_us())
    # Before the database is renamed: without a database of that name its logs would be lost.
    subject.context.runtime.rename(old, new)
    install_log(subject.context.settings, old).unlink(missing_ok=True)
    with databases.transaction(connection):
        databases.rename(connection, old, new)
        roles.rename(connection, old, new)
        roles.enable_login(connection, new, subject.context.role_password(new))
        databases.label(connection, new, named)
        notify_spawner(connection, old, new)
    subject.context.runtime.follow([old, new])


def _has_filestore(subject: Renaming) -> bool:
    return not subject.label.filestore


def _name_filestore(subject: Renaming) -> None:
    name_files(subject.context, subject.connection, subject.new)


def _write_address(subject: Renaming) -> None:
    """Write the new address into the database, if it has the old one and the tenant lets us.

    Visitors reach the instance at its new address in any case.
    """
    context = subject.context
    before = subdomain_host(subject.old, context.settings.base_domain)
    query = """
        UPDATE ir_config_parameter SET value = %s
         WHERE key = 'web.base.url' AND substring(value from '^[a-z]+://([^/:]+)') = %s
    """
    # Errors are raised as Tampered, see `bounded.Session`.
    with contextlib.suppress(Tampered), context.as_tenant(subject.new) as inside:
        inside.execute(query, [context.address(subject.new).url, before])


def _publish(subject: Renaming) -> None:
    label = subject.label
    state = after(subject.new, label.state, Action.ACTIVATE)
    relabel(subject.context, subject.connection, subject.new, label.having(state=state))
    # Again: a run that was killed when it had been renamed is run again from there.
    subject.context.runtime.follow([subject.old])


def _probe(subject: Renaming) -> None:
    """I5; and the old address answers 404, unless another instance has it by now."""
    subject.context.expect(subject.new, _OK)
    if not databases.find(subject.connection, subject.old):
        subject.context.expect(subject.old, _NOT_FOUND)


def _rename_back(subject: Renaming) -> None:
    """Undo the rename, from whichever step it reached.

    If another instance has the old name by now, the rename can only be finished, by running it again.
    """
    if is_renamed(subject) and databases.find(subject.connection, subject.old):
        return
    back = replace(subject, old=subject.new, new=subject.old)
    if is_renamed(subject):
        for run in (_block, _end_sessions, _name, _name_filestore, _write_address):
            run(back)
    password = subject.context.role_password(subject.old)
    roles.enable_login(subject.connection, subject.old, password)
    _publish(back)


STEPS: tuple[Step[Renaming], ...] = (
    Step("state", _block, is_done=is_renamed, undo=_rename_back),
    Step("sessions", _end_sessions, is_done=is_renamed),
    Step("names", _name, is_done=is_renamed),
    Step("filestore", _name_filestore, is_done=_has_filestore),
    Step("address", _write_address),
    Step("publish", _publish),
    Step("probe", _probe),
)


def rename(context: Context, old: str, new: str, on_step: OnStep = ignore) -> Instance:
    """Rename the instance `old` to `new`. A rename that was killed is finished.

    A rename that fails is undone. Raises InstanceNotFound, InvalidTransition, DataKept, NameTaken, Busy,
    FilestoreFailure, ProbeFailed.
    """
    with context.maintenance() as connection, name_locks(connection, {old, new}, ()):
        subject = Renaming(context, connection, old, new)
        if _is_under_way(subject):
            pass  # It is finished, even if another instance has the old name by now.
        elif find_labelled(connection, old, Kind.INSTANCE):
            after(old, find_instance(connection, old).state, Action.RENAME)
            if find_kept(connection, old):
                raise DataKept(old)
            check_hostnames(context, connection, new, ())
            check_free(context, connection, new)
        elif not is_renamed(subject):
            raise InstanceNotFound(old)
        Operation("rename", old, STEPS, on_step).run(subject)
        return describe(context, Database(new, subject.label))
