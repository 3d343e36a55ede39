"""What the engine writes in a database's comment: the catalog is its only inventory.

Every role can read comments, so nothing secret or personal goes in. `tenantry.spawner` reads it, too.
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
"""In a label's `finished`: the instance has the provider's module, and is not served without it."""


class Kind(StrEnum):
    TEMPLATE = "template"
    SPARE = "spare"
    INSTANCE = "instance"
    EDIT = "edit"
    MASTER = "master"
    ZYGOTE = "zygote"


class State(StrEnum):
    """Where a database is in its life; transitions are in `model/states.py`."""

    BUILDING = "building"
    READY = "ready"
    PROVISIONING = "provisioning"
    ACTIVE = "active"
    STOPPED = "stopped"
    RENAMING = "renaming"
    SUSPENDED = "suspended"
    TERMINATING = "terminating"


@dataclass(frozen=True)
class Label:
    """One database's comment.

    template, version: what this database is, or was cloned from; of the master empty.
    filestore: the folder its files are in, when it is not called like the database.
    hostnames: extra ones; the first is always `<database>.<base domain>`.
    finished: the long steps of a build that ended well, for a killed one to go on after; of a spare, what a
        creation need not do again.
    links_since: login links made before this are void: when it got its present name, in microseconds.
    published: the front leads to it already, though it is not active yet.
    recipe: what a template was built from.
    reference: whose creation it was, as its caller named it (`InstanceSpec.reference`).
    entitled_since: the serial of the entitlements in force; saas_tenant refuses older ones.
    seats: how many internal users may log in, see `model.entitlements`; 0 is unlimited. counted_seats: the
        same when users were last counted.
    renamed_from: what the instance was called before, so that a renaming run again knows its own.
    limits: what its plan allows its process, see `model.limits`.
    languages: those loaded in a template, Odoo's codes. chart_country: the country whose chart of accounts it
        has; "" where there is no accounting.
    identity: what everything signed for it is bound to: a renaming keeps it, and no other instance ever gets
        it. One made before there were any has its first name, see `identity_of`.
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

    def to_comment(self) -> str:
        filled = {key: value for key, value in asdict(self).items() if value}
        return json.dumps({"tenantry": FORMAT, **filled}, sort_keys=True)

    @classmethod
    def from_comment(cls, comment: str | None) -> Label | None:
        """Read a comment; None when it is not ours, which one that cannot be read is not."""
        try:
            data = json.loads(comment or "")
            if not isinstance(data, dict) or data.pop("tenantry", None) != FORMAT:
                return None
            known = {key: value for key, value in data.items() if key in cls.__dataclass_fields__}
            for key in ("hostnames", "finished", "languages"):
                known[key] = tuple(known.get(key, ()))
            known["limits"] = from_label(known.get("limits"))
            for key in ("seats", "counted_seats"):
                known[key] = int(known.get(key, 0)) % 2**32
            return cls(**{**known, "kind": Kind(known["kind"]), "state": State(known["state"])})
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None

    def identity_of(self, name: str) -> str:
        """name: what the instance is called now."""
        return self.identity or name

    def having(self, **changes: Any) -> Label:
        """The same label with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Database:
    """A database of the cluster and its label.

    is_being_made: it has no label yet, but whom it belongs to tells that it is ours. is_whole: not what an
    interrupted DROP DATABASE leaves, which nobody can connect to and all that is left is to drop it again.
    """

    name: str
    label: Label | None
    is_being_made: bool = False
    is_whole: bool = True

    @property
    def is_ours(self) -> bool:
        """Whether we made it. What is not ours is never renamed, dropped or written."""
        return self.label is not None or self.is_being_made

    @property
    def filestore(self) -> str:
        """The name of the folder that holds its files."""
        return (self.label.filestore if self.label else "") or self.name
