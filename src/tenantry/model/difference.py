"""What reconciling is about: the facts of a server, what differs in them, and the names in quarantine."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from tenantry.model import names
from tenantry.model.catalog import Database, Kind, Label

KEPT_DAYS = 30
"""How long a thing is kept in quarantine before its removal is proposed."""
PARTIAL = ".partial"
"""The end of the name of a folder that is being copied, see `odoo.filestore`."""
TEMPLATE = re.compile(r"template_([a-z0-9-]+?)(?:__building|__retired|@.*)?")
"""The names of a template's databases and folders, with its code."""
_LONGEST_NAME = 63
_LOST = re.compile(r"lost_(\d{6})_.+")


class What(StrEnum):
    DATABASE = "database"
    ROLE = "role"
    FOLDER = "folder"
    ROUTE = "route"
    RECORD = "record"


class Proposal(StrEnum):
    """What is proposed about a difference."""

    WAIT = "wait"
    """It is too young: an operation may be making it."""
    LOOK = "look"
    """Somebody has to decide: nothing is done."""
    DISCARD = "discard"
    """It is half made: the next run of its operation would discard it, too."""
    DROP = "drop"
    """The database was dropped half: nobody can connect to it any more."""
    QUARANTINE = "quarantine"
    FINISH = "finish"
    """A quarantine that was killed."""
    DISCONNECT = "disconnect"
    """It leads visitors to nothing."""
    REMOVE = "remove"
    """It was in quarantine for long enough. Only done when asked."""


TIMELESS = frozenset({Proposal.FINISH, Proposal.REMOVE})
"""What concerns our own quarantine, which no other operation works on."""
APPLIED = frozenset(Proposal) - {Proposal.WAIT, Proposal.LOOK, Proposal.REMOVE}
"""What is done without being asked for each."""


@dataclass(frozen=True)
class Difference:
    """A thing that nobody owns, or that is missing.

    reason: why it is a difference. since: when it was seen as one first, in seconds since 1970. outcome:
    "done", or the error; "" if nothing was tried.
    """

    what: What
    name: str
    reason: str
    proposal: Proposal
    since: float = 0.0
    outcome: str = ""


@dataclass(frozen=True)
class Quarantined:
    """A thing in quarantine. until: the day from which its removal is proposed, such as 2026-12-30."""

    what: What
    name: str
    until: str


@dataclass(frozen=True)
class Reconciliation:
    """What was found, with what was done about it."""

    differences: tuple[Difference, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What there is on a server.

    databases: all of the cluster, also other programs'. roles: ours, without those of the infrastructure;
    roles and folders with a number that no later one of the same name has, as `oids` has for databases.
    claimed: the folders that any label names, also labels of kinds that we do not know.
    routes: what the runtime has for no instance, see `Runtime.strays`. held: the subjects of locks that are
    held by others. records: the back office's, name by reference; None: they are not known.
    """

    databases: Mapping[str, Database]
    oids: Mapping[str, int] = field(default_factory=dict)
    roles: Mapping[str, int] = field(default_factory=dict)
    folders: Mapping[str, int] = field(default_factory=dict)
    claimed: frozenset[str] = frozenset()
    routes: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    records: Mapping[str, str] | None = None

    @property
    def labels(self) -> Iterator[Label]:
        return (database.label for database in self.databases.values() if database.label)

    @property
    def instances(self) -> dict[str, Label]:
        """The labels of the instances, by name."""
        return {
            name: database.label
            for name, database in self.databases.items()
            if database.label and database.label.kind is Kind.INSTANCE
        }

    def key(self, what: What, name: str) -> str | None:
        """What tells a thing from a later one of the same name; None if it is not there."""
        numbered = {What.DATABASE: self.oids, What.ROLE: self.roles, What.FOLDER: self.folders}.get(what)
        if numbered is None:
            return f"{what} {name}"
        return f"{what} {name} {numbered[name]}" if name in numbered else None


# ---------------------------------------------------------------- names


def subjects(name: str) -> tuple[str, ...]:
    """The locks of which one is held by any operation that works on something of this name."""
    if name.startswith(names.ZYGOTE_PREFIX):
        code = name.removeprefix(names.ZYGOTE_PREFIX).rpartition("_")[0]
        return (f"database {name}", f"build of {code}")
    if name.startswith(names.EDITING_PREFIX):
        return (f"build of {name.removeprefix(names.EDITING_PREFIX)}",)
    if template := TEMPLATE.fullmatch(name):
        return (f"build of {template[1]}", f"template {template[1]}")
    made_for = name.partition("_")[2]
    if made_for and not name.startswith(names.LOST_PREFIX):
        return (f"database {name}", *subjects(made_for))
    return (f"database {name}", f"instance {name}")


def subjects_of(difference: Difference) -> tuple[str, ...]:
    """See `subjects`; those of a host are its instance's."""
    name = difference.name.removesuffix(PARTIAL)
    return subjects(name.partition(".")[0] if difference.what is What.ROUTE else name)


def lost_name(name: str, day: date, taken: Collection[str]) -> str:
    """The name in quarantine of a thing that is lost that day."""
    wanted = f"{names.LOST_PREFIX}{day:%y%m%d}_{name}"[:_LONGEST_NAME]
    number = 1
    found = wanted
    while found in taken:
        number += 1
        found = f"{wanted[: _LONGEST_NAME - 5]}_{number}"
    return found


def lost_on(name: str) -> date | None:
    """The day on which the thing of this name went into quarantine; None if it is not there."""
    found = _LOST.fullmatch(name)
    try:
        return datetime.strptime(found[1], "%y%m%d").replace(tzinfo=UTC).date() if found else None
    except ValueError:
        return None


def quarantined(facts: Facts) -> tuple[Quarantined, ...]:
    """What is in quarantine; role and folder of a database are not listed apart."""
    there = {
        **dict.fromkeys(facts.folders, What.FOLDER),
        **dict.fromkeys(facts.roles, What.ROLE),
        **{name: What.DATABASE for name, database in facts.databases.items() if _is_lost(database)},
    }
    days = ((what, name, lost_on(name)) for name, what in sorted(there.items()))
    return tuple(
        Quarantined(what, name, (day + timedelta(days=KEPT_DAYS)).isoformat())
        for what, name, day in days
        if day
    )


def _is_lost(database: Database) -> bool:
    return bool(database.label and database.label.kind is Kind.LOST)
