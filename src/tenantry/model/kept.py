"""The data that an instance had before a restore, while it is kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """name: the instance's. backup: the one that this data was restored from; "": it never was.

    since: UTC, ISO 8601. until: when it is removed; "": when somebody confirms the restore.
    """

    name: str
    backup: str
    since: str
    until: str


@dataclass(frozen=True)
class Swept:
    """removed: the instances whose kept data was removed. stopped: the copies that had expired."""

    removed: tuple[str, ...]
    stopped: tuple[str, ...]
