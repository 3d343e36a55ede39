"""What a server has that nobody owns: facts in, differences out. `operations.fleet.reconcile` acts."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from tenantry.model import names
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.difference import (
    KEPT_DAYS,
    PARTIAL,
    TEMPLATE,
    TIMELESS,
    Difference,
    Facts,
    Proposal,
    What,
    lost_on,
    subjects_of,
)

LONGEST_OPERATION_S = 12 * 3600
"""What has been without an owner for a shorter time may be the work of an operation that holds no lock."""
_MADE_ANEW = (names.CLONE_PREFIX, names.LOADING_PREFIX, names.ZYGOTE_PREFIX, "spare_")
"""The beginnings of the names of roles that the next run makes anew, for what becomes an instance later."""
_SETTLED = (State.ACTIVE, State.STOPPED, State.SUSPENDED, State.MOVED)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def differences(facts: Facts, seen: Mapping[str, float], now: float) -> tuple[Difference, ...]:
    """All that differs, except what an operation works on at this moment. seen: since when, by key."""
    found = (
        *_of_databases(facts, now),
        *_of_roles(facts, now),
        *_of_folders(facts, now),
        *_of_routes(facts),
        *_of_records(facts),
    )
    orphans = (it for it in found if not is_under_way(facts, it) and not is_needed(facts, it))
    return tuple(_timed(facts, it, seen, now) for it in orphans)


def is_under_way(facts: Facts, difference: Difference) -> bool:
    """Whether an operation holds a lock of the thing."""
    return not facts.held.isdisjoint(subjects_of(difference))


def is_needed(facts: Facts, difference: Difference) -> bool:
    """Whether an unfinished operation on an instance needs it when it is run again.

    Then the instance is told. By the name: whatever is made for `acme` is called like `load_acme`.
    """
    instance = difference.name.removesuffix(PARTIAL).partition("_")[2]
    label = facts.instances.get(instance)
    return label is not None and not is_settled(label)


def is_settled(label: Label) -> bool:
    """Whether no operation on the instance has to be finished, at least for its files to get its name."""
    return label.state in _SETTLED and not label.filestore


def _timed(facts: Facts, difference: Difference, seen: Mapping[str, float], now: float) -> Difference:
    key = facts.key(difference.what, difference.name)
    since = min(seen.get(key or "", now), now)
    if difference.proposal not in TIMELESS and is_young(since, now):
        return replace(difference, since=since, proposal=Proposal.WAIT)
    return replace(difference, since=since)


def is_young(since: float, now: float) -> bool:
    """Whether an operation that holds no lock may still be at it."""
    return now - since < LONGEST_OPERATION_S


def seen_now(facts: Facts, found: Collection[Difference]) -> dict[str, float]:
    """Since when each thing has been without an owner, by key."""
    keys = ((facts.key(it.what, it.name), it.since) for it in found)
    return {key: since for key, since in keys if key}


def seen_with(facts: Facts, difference: Difference) -> dict[str, float]:
    """The same of what belongs to a database: without it, it would count as new."""
    if difference.what is not What.DATABASE:
        return {}
    folders = {difference.name, facts.databases[difference.name].filestore}
    parts = [(What.ROLE, difference.name), *((What.FOLDER, folder) for folder in folders)]
    return {key: difference.since for part in parts if (key := facts.key(*part))}


_Judged = tuple[str, Proposal] | None
"""Why something is a difference, and what is proposed; None: it is owned."""


# ---------------------------------------------------------------- databases


def _of_databases(facts: Facts, now: float) -> Iterator[Difference]:
    for name, database in facts.databases.items():
        judged = _judge_database(facts, database, now) if is_ours(database) else None
        if judged:
            yield Difference(What.DATABASE, name, *judged)


def is_ours(database: Database) -> bool:
    """Other programs' databases are never touched, nor those with labels of kinds that we do not know."""
    return database.is_ours


def _judge_database(facts: Facts, database: Database, now: float) -> _Judged:
    if not database.is_whole:
        return "dropping it was interrupted", Proposal.DROP
    if not database.label:
        return "it never got a label", Proposal.DISCARD
    judge = _JUDGES.get(database.label.kind)
    return judge(facts, database.name, database.label, now) if judge else None


def _judge_spare(facts: Facts, name: str, label: Label, _now: float) -> _Judged:
    if label.state is State.BUILDING or name.startswith((names.CLONE_PREFIX, names.LOADING_PREFIX)):
        return "it was never finished", Proposal.DISCARD
    if not any(it.kind is Kind.TEMPLATE and it.template == label.template for it in facts.labels):
        return f"its template {label.template} is not there any more", Proposal.DISCARD
    return None


def _judge_zygote(facts: Facts, _name: str, label: Label, _now: float) -> _Judged:
    if label.state is State.BUILDING:
        return "it was never finished", Proposal.DISCARD
    version = label.template, label.version
    if not any(it.kind is not Kind.ZYGOTE and (it.template, it.version) == version for it in facts.labels):
        return "nothing is of its template's version", Proposal.DISCARD
    return None


def _judge_template(_facts: Facts, name: str, label: Label, _now: float) -> _Judged:
    if name == names.retired_database(label.template):
        return "a later version has taken its place", Proposal.DISCARD
    if name != names.building_database(label.template):
        return None
    if label.finished or label.state is State.READY:
        return "a build has stopped; running it again goes on from there", Proposal.LOOK
    return "a build has stopped before anything was finished", Proposal.DISCARD


def _judge_former(facts: Facts, name: str, _label: Label, _now: float) -> _Judged:
    """Of a move: the next run of its parts needs it, as long as there is an instance of that name."""
    instance = name.removeprefix(names.FORMER_PREFIX)
    if instance == name or is_needed_by_move(facts, instance):
        return None
    return f"there is no instance {instance} any more", Proposal.QUARANTINE


def is_needed_by_move(facts: Facts, instance: str) -> bool:
    return instance in facts.instances


def _judge_lost(facts: Facts, name: str, label: Label, now: float) -> _Judged:
    if label.filestore:
        return "its quarantine was not finished", Proposal.FINISH
    return _judge_kept(name, now)


def _judge_kept(name: str, now: float) -> _Judged:
    day = lost_on(name)
    if day and is_kept_long_enough(day, now):
        return f"it is in quarantine since {day}", Proposal.REMOVE
    return None


def is_kept_long_enough(day: date, now: float) -> bool:
    return day_of(now) - day >= timedelta(days=KEPT_DAYS)


def day_of(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()


def _judge_instance(facts: Facts, name: str, label: Label, _now: float) -> _Judged:
    if not is_settled(label):
        return f"it is {label.state}, and its operation was not finished: run it again", Proposal.LOOK
    if facts.records is not None and not has_record(facts, label):
        if is_back_offices(label) and are_believable(facts):
            return "the back office has no record of it", Proposal.QUARANTINE
        return "the back office does not know it", Proposal.LOOK
    if name not in facts.roles:
        return "it has no role", Proposal.LOOK
    if facts.folders.keys().isdisjoint({name, label.filestore}):
        return "it has no folder of files", Proposal.LOOK
    return None


def has_record(facts: Facts, label: Label) -> bool:
    """Whether a record has its reference; one that moved away has its record at another server."""
    return label.state is State.MOVED or label.reference in (facts.records or {})


def is_back_offices(label: Label) -> bool:
    """Whether a back office made it: its references are UUIDs. The others are their makers'."""
    return bool(_UUID.fullmatch(label.reference))


def are_believable(facts: Facts) -> bool:
    """Whether most of the back office's instances have records: else the records are at fault.

    As after the back office was set back to an old copy of itself, or when they could not be read.
    """
    labels = (label for label in facts.instances.values() if label.state is not State.MOVED)
    made = [label.reference for label in labels if is_back_offices(label)]
    return 2 * len((facts.records or {}).keys() & set(made)) >= len(made)


_JUDGES: Mapping[Kind, Callable[[Facts, str, Label, float], _Judged]] = MappingProxyType(
    {
        Kind.SPARE: _judge_spare,
        Kind.ZYGOTE: _judge_zygote,
        Kind.TEMPLATE: _judge_template,
        Kind.FORMER: _judge_former,
        Kind.LOST: _judge_lost,
        Kind.INSTANCE: _judge_instance,
    }
)
"""Databases of all other kinds are owned."""


# ---------------------------------------------------------------- roles, folders, routes, records


def _of_roles(facts: Facts, now: float) -> Iterator[Difference]:
    for role in facts.roles:
        is_made_anew = role.startswith(_MADE_ANEW)
        judged = None if has_database(facts, role) else _judge_remains(role, now, discards=is_made_anew)
        if judged:
            yield Difference(What.ROLE, role, *judged)


def has_database(facts: Facts, role: str) -> bool:
    """Whether a role has its database, ours or not; of a template that was edited, until it is ready."""
    code = role.removeprefix(names.EDITING_PREFIX)
    return role in facts.databases or (code != role and names.building_database(code) in facts.databases)


def _of_folders(facts: Facts, now: float) -> Iterator[Difference]:
    for folder in facts.folders:
        judged = (
            None if is_owned_folder(facts, folder) else _judge_remains(folder, now, discards=is_copy(folder))
        )
        if judged:
            yield Difference(What.FOLDER, folder, *judged)


def is_owned_folder(facts: Facts, folder: str) -> bool:
    """Whether a label names it, or a database has its name, ours or not."""
    if is_claimed(facts, folder) or folder in facts.databases:
        return True
    if folder.endswith(PARTIAL):
        whose = facts.databases.get(folder.removesuffix(PARTIAL))
        return bool(whose and not whose.is_ours)
    return is_of_template(facts, folder)


def is_copy(folder: str) -> bool:
    """Whether its files are elsewhere, too. One that is called like a spare may be an instance's already."""
    return folder.endswith(PARTIAL) or folder.startswith(names.STAGING_PREFIX)


def is_claimed(facts: Facts, folder: str) -> bool:
    """Whether the label of any database says that its files are there, also of a kind that we do not know."""
    return folder in facts.claimed


def is_of_template(facts: Facts, folder: str) -> bool:
    """Whether a build has named it before its database's label does."""
    template = TEMPLATE.fullmatch(folder)
    if not template:
        return False
    templates = (label for label in facts.labels if label.kind is Kind.TEMPLATE)
    folders = {names.template_filestore(label.template, label.version) for label in templates}
    is_edited = names.editing_database(template[1]) in facts.databases
    return folder in folders or (folder == names.building_database(template[1]) and is_edited)


def _judge_remains(name: str, now: float, *, discards: bool) -> _Judged:
    """Judge a role or a folder without a database."""
    if lost_on(name):
        return _judge_kept(name, now)
    if discards:
        return "what it was made for is not there", Proposal.DISCARD
    return "it has no database", Proposal.QUARANTINE


def _of_routes(facts: Facts) -> Iterator[Difference]:
    for route in sorted(facts.routes):
        yield Difference(What.ROUTE, route, "there is no instance for it", Proposal.DISCONNECT)


def _of_records(facts: Facts) -> Iterator[Difference]:
    there = {label.reference: (name, label) for name, label in facts.instances.items()}
    for reference, name in (facts.records or {}).items():
        found, label = there.get(reference, ("", None))
        if label is None:
            yield Difference(What.RECORD, name, "its instance is not there", Proposal.LOOK)
        elif label.moved_to:
            yield Difference(What.RECORD, name, f"its instance is at {label.moved_to}", Proposal.LOOK)
        elif found != name:
            yield Difference(What.RECORD, name, f"its instance is called {found}", Proposal.LOOK)
