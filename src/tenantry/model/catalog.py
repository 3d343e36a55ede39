"""Labels: the JSON that the engine writes in a database's comment. They are the engine's only inventory.

Every role can read comments, so labels have no secrets and no personal data. `tenantry.spawner` reads them,
too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from tenantry.model.limits import from_label

FORMAT = 1
PROVIDED = "provided"
"""In a label's `finished`: the instance has the provider's module, and must not be served without it."""


class Kind(StrEnum):
    TEMPLATE = "template"
    SPARE = "spare"
    INSTANCE = "instance"
    EDIT = "edit"
    MASTER = "master"
    ZYGOTE = "zygote"
    FORMER = "former"
    """The data of an instance that moved away, while it moves back or is removed."""
    PROOF = "proof"
    """A backup that is restored to be looked at. It is never served, and removed at the end."""
    KEPT = "kept"
    """The data that an instance had before a restore, until somebody confirms the restore."""
    LOST = "lost"
    """What nobody owned, in quarantine, see `model.difference`. `renamed_from` has its name."""


class State(StrEnum):
    """The state of a database; the transitions are in `model/states.py`."""

    BUILDING = "building"
    READY = "ready"
    PROVISIONING = "provisioning"
    ACTIVE = "active"
    STOPPED = "stopped"
    RENAMING = "renaming"
    MOVING = "moving"
    MOVED = "moved"
    RESTORING = "restoring"
    SUSPENDED = "suspended"
    TERMINATING = "terminating"


@dataclass(frozen=True)
class Label:
    """The label of one database.

    template, version: the template that this database is, or was cloned from; empty for the master.
    filestore: the folder of its files, if it does not have the database's name.
    hostnames: further host names; the first one is always `<database>.<base domain>`.
    finished: the completed long steps of a build, so that it can be resumed after a kill; for a spare, the
        steps that a creation can skip.
    links_since: login links made before this time are void: when it got its present name, in microseconds.
    published: the front serves it already, although it is not active yet.
    recipe: the recipe of a template.
    reference: the caller's reference of its creation (`InstanceSpec.reference`).
    entitled_since: the serial of the entitlements in force; saas_tenant refuses older ones.
    seats: the number of internal users who may log in, see `model.entitlements`; 0: unlimited. counted_seats:
        the same at the last count of users.
    renamed_from: the previous name, by which a repeated renaming recognizes its database.
    limits: the plan's limits of its process, see `model.limits`.
    languages: the languages loaded in a template, Odoo's codes. chart_country: the country of its chart of
        accounts; "" without accounting.
    identity: signed statements are bound to it. Renaming keeps it, and no other instance ever gets it. An
        instance from before there were identities has its first name, see `identity_of`.
    former_hosts: its own host names on the servers that it moved away from; they lead here.
    moved_to, forward_to: the server that it moved to, and the host and port of that one's front.
    move: the run of the move that holds it, see `engine.moving`. frozen_at: since when it is held,
        in seconds since 1970. pause_s: how long it was held in its last move.
    confirmed: the data that it left behind was removed.
    final_backup: the name of the backup that its termination takes first; "": it takes none.
    restored_from: the archive that its data was restored from.
    swap: while its data is exchanged: what for, and the oid of the database with the other data.
    kept_at: of kept data: since when it is kept, in seconds since 1970.
    copy_of: the identity of the instance that it is a copy of: it sends no mails. expires_at: when a copy is
        stopped, in seconds since 1970.
    """

    kind: Kind
    state: State
    template: str = ""
    version: str = ""
    series: str = ""
    filestore: str = ""
    hostnames: tuple[str, ...] = ()
    finished: tuple[str, ...] = ()
    published: bool = False
    recipe: Mapping[str, Any] = field(default_factory=dict)
    built_at: str = ""
    reference: str = ""
    entitled_since: int = 0
    seats: int = 0
    counted_seats: int = 0
    renamed_from: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)
    identity: str = ""
    links_since: int = 0
    languages: tuple[str, ...] = ()
    chart_country: str = ""
    former_hosts: tuple[str, ...] = ()
    moved_to: str = ""
    forward_to: str = ""
    move: str = ""
    frozen_at: float = 0.0
    pause_s: float = 0.0
    confirmed: bool = False
    final_backup: str = ""
    restored_from: str = ""
    swap: str = ""
    kept_at: float = 0.0
    copy_of: str = ""
    expires_at: float = 0.0

    def to_comment(self) -> str:
        filled = {key: value for key, value in asdict(self).items() if value}
        return json.dumps({"tenantry": FORMAT, **filled}, sort_keys=True)

    @classmethod
    def from_comment(cls, comment: str | None) -> Label | None:
        """Read a comment; None when it is not a valid label."""
        try:
            data = json.loads(comment or "")
            if not isinstance(data, dict) or data.pop("tenantry", None) != FORMAT:
                return None
            known = {key: value for key, value in data.items() if key in cls.__dataclass_fields__}
            for key in ("hostnames", "finished", "languages", "former_hosts"):
                known[key] = tuple(known.get(key, ()))
            known["limits"] = from_label(known.get("limits"))
            for key in ("seats", "counted_seats"):
                known[key] = int(known.get(key, 0)) % 2**32
            return cls(**{**known, "kind": Kind(known["kind"]), "state": State(known["state"])})
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None

    @property
    def further_hosts(self) -> tuple[str, ...]:
        """All host names besides its own."""
        return tuple(dict.fromkeys((*self.hostnames, *self.former_hosts)))

    @property
    def is_arriving(self) -> bool:
        """Whether it is the copy at the server that it moves to; at the other one `frozen_at` is set."""
        return self.state is State.MOVING and not self.frozen_at

    def identity_of(self, name: str) -> str:
        """The identity of the instance, whose current name is `name`."""
        return self.identity or name

    def having(self, **changes: Any) -> Label:
        """The same label with some fields changed."""
        return replace(self, **changes)


def filestore_in(comment: str | None) -> str:
    """The folder that a label names, whatever its kind is; "" if it names none, or is no label."""
    try:
        data = json.loads(comment or "")
        return str(data.get("filestore", "")) if data.get("tenantry") == FORMAT else ""
    except (ValueError, AttributeError, RecursionError):
        return ""


@dataclass(frozen=True)
class Database:
    """A database of the cluster and its label.

    is_being_made: it has no label yet, but its owner shows that it is ours. is_whole: False after an
    interrupted DROP DATABASE: nobody can connect to it, and it can only be dropped again.
    """

    name: str
    label: Label | None
    is_being_made: bool = False
    is_whole: bool = True

    @property
    def is_ours(self) -> bool:
        """Whether the engine created it. Other databases are never renamed, dropped or written."""
        return self.label is not None or self.is_being_made

    @property
    def filestore(self) -> str:
        """The name of the folder of its files."""
        return (self.label.filestore if self.label else "") or self.name
