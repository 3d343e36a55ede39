"""Duplicate an instance: the copy is neutralized by Odoo itself before anything of it is served.

It is made by an archive in a folder of the installation, so the original is in use meanwhile.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from tenantry.agreed import TENANT_MODULE
from tenantry.archive.load import Found, find_archive
from tenantry.errors import Busy, NotNeutralized, Tampered
from tenantry.keyfile import private_folder
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.entitlements import Entitlements, seats
from tenantry.model.instance import Instance
from tenantry.model.progress import OnStep, ignore
from tenantry.model.signing import now_us
from tenantry.model.states import Action, after
from tenantry.odoo import scripts
from tenantry.odoo.initialise import installed_modules, neutralize_command
from tenantry.operations.context import Context, relabel
from tenantry.operations.fleet.usage import internal_users
from tenantry.operations.instance.archives import Place, place
from tenantry.operations.instance.arrival import LAST_STEPS, Loading
from tenantry.operations.instance.availability import check_free, check_hostnames, name_locks
from tenantry.operations.instance.dump import dump_instance
from tenantry.operations.instance.entitle import write_entitlements
from tenantry.operations.instance.lifecycle import TERMINATE, Terminating
from tenantry.operations.instance.load import FromArchive
from tenantry.operations.instance.modules import run_unserved
from tenantry.operations.instance.source import FIRST_STEPS
from tenantry.operations.inventory import describe, find_instance, find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.operations.template.clone import database_lock
from tenantry.postgres import locks, roles
from tenantry.postgres.cluster import Connection, translated

_OK = 200
_DAY_S = 24 * 3600
_FRESH = """
    UPDATE ir_config_parameter
       SET value = CASE key WHEN 'database.uuid' THEN gen_random_uuid()::text
                            ELSE gen_random_uuid()::text || gen_random_uuid()::text END
     WHERE key IN ('database.uuid', 'database.secret')
"""
_IS_NEUTRALIZED = "SELECT 1 FROM ir_config_parameter WHERE key = 'database.is_neutralized' AND value = 'true'"


@dataclass
class Copy(FromArchive):
    """See `Source`. original: the identity of the instance that it is a copy of."""

    original: str
    expires_at: float

    @property
    def reference(self) -> str:
        return _reference(self.original)

    def label(self) -> Label:
        """It is not served before it is neutralized, and has another identity than the original."""
        return (
            super()
            .label()
            .having(
                state=State.PROVISIONING,
                identity=secrets.token_hex(16),
                entitled_since=now_us(),
                seats=0,
                counted_seats=0,
                copy_of=self.original,
                expires_at=self.expires_at,
            )
        )

    def discard(self) -> None:
        _discard_named(self.context, self.connection, self.name, self.original)
        super().discard()


def _reference(original: str) -> str:
    return f"copy of {original}"


def _find_copy(connection: Connection, name: str, original: str) -> Label | None:
    """The label of the instance `name` if it is a copy of that instance."""
    found = find_labelled(connection, name, Kind.INSTANCE)
    return found.label if found and found.label and found.label.copy_of == original else None


def _discard_named(context: Context, connection: Connection, name: str, original: str) -> None:
    if _find_copy(connection, name, original):
        discarding = Terminating(context, connection, name, before=None, without_backup=True)
        Operation("discard", name, TERMINATE, ignore).run(discarding)


# ---------------------------------------------------------------- steps


def _neutralize(subject: Loading) -> None:
    """Let Odoo keep the copy from acting outside, and give it secrets of its own."""
    source = subject.source
    context, connection, name = source.context, source.connection, source.name
    log = run_unserved(context, connection, name, neutralize_command())
    with context.as_locked_role(name) as inside, translated(inside, "neutralize a copy"):
        inside.execute(_FRESH)
        inside.execute(scripts.all_stale_script(find_instance(connection, name).series).encode())
        if not inside.execute(_IS_NEUTRALIZED).fetchone():
            raise NotNeutralized(name, log)


def _entitle(subject: Loading) -> None:
    """Sign the original's plan for the copy. Without a plan nothing can be added to it."""
    source = subject.source
    assert isinstance(source, Copy)
    context, connection, name = source.context, source.connection, source.name
    plan, label = _plan_in(source.found), find_instance(connection, name)
    if plan is None:
        return
    with contextlib.suppress(Tampered), context.as_locked_role(name) as inside:
        if TENANT_MODULE in installed_modules(inside):
            write_entitlements(
                context, inside, label.identity_of(name), label.series, label.entitled_since, plan
            )
            most = seats(plan.users, internal_users(inside), 0)
            relabel(context, connection, name, label.having(seats=most, counted_seats=most))


def _plan_in(found: Found) -> Entitlements | None:
    """The original's plan, as it was signed; None if the statement in it was not the one in force."""
    facts, label = found.manifest.entitlements, found.manifest.label
    if not facts or facts.get("issued_at", 0) < label.get("entitled_since", 0):
        return None
    known = {field.name for field in fields(Entitlements)}
    return Entitlements(**{key: value for key, value in facts.items() if key in known})


def _activate(subject: Loading) -> None:
    source = subject.source
    context, connection, name = source.context, source.connection, source.name
    label = find_instance(connection, name)
    state = after(name, label.state, Action.ACTIVATE)
    roles.enable_login(connection, name, context.role_password(name))
    relabel(context, connection, name, label.having(state=state))


def _probe(subject: Loading) -> None:
    subject.source.context.expect(subject.source.name, _OK)


STEPS: tuple[Step[Loading], ...] = (
    *FIRST_STEPS,
    *LAST_STEPS,
    Step("neutralize", _neutralize),
    Step("plan", _entitle),
    Step("activate", _activate),
    Step("probe", _probe),
)


def duplicate(
    context: Context, name: str, to: str, on_step: OnStep = ignore, expires_days: int = 14
) -> Instance:
    """Make the copy `to` of the instance `name`; a copy of it that is finished already stays as it is.

    A failed duplication leaves nothing, and what a killed one left is removed by the next. expires_days: when
    it is stopped; 0: never. Raises InstanceNotFound, InvalidTransition, NameTaken, Busy, NotNeutralized,
    InitialisationTimeout, InitialisationFailed, ProbeFailed, and the errors of dumping and loading archives.
    """
    with context.maintenance() as connection, name_locks(connection, [to], ()):
        original = find_instance(connection, name)
        identity = original.identity_of(name)
        copy = _find_copy(connection, to, identity)
        if not copy or copy.state in (State.PROVISIONING, State.TERMINATING):
            after(name, original.state, Action.DUPLICATE)
            _discard_named(context, connection, to, identity)
            check_hostnames(context, connection, to, ())
            check_free(context, connection, to)
            expires_at = time.time() + expires_days * _DAY_S if expires_days else 0.0
            with _passing_store(context, to) as passing:
                archive = dump_instance(context, name, passing.store.url, on_step).archive
                found = find_archive(passing.store, passing.keys, archive)
                source = Copy(context, connection, to, passing, found, identity, expires_at)
                with database_lock(connection, source.temporary_name):
                    Operation("duplicate", to, STEPS, on_step).run(Loading(source))
        return describe(context, Database(to, find_instance(connection, to)))


def _folder(context: Context) -> Path:
    return context.settings.home / "copies"


@contextmanager
def _passing_store(context: Context, name: str) -> Iterator[Place]:
    """A store for one archive, which is removed, and with it what a killed run left there."""
    folder = _folder(context) / name
    shutil.rmtree(folder, ignore_errors=True)
    private_folder(folder.parent)
    private_folder(folder)
    try:
        yield place(context, str(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_passing_stores(context: Context) -> None:
    """Remove what killed duplications left that nobody ran again."""
    for folder in _folder(context).glob("*"):
        with (
            contextlib.suppress(Busy),
            context.maintenance() as connection,
            locks.exclusive(connection, f"instance {folder.name}"),
        ):
            shutil.rmtree(folder, ignore_errors=True)
