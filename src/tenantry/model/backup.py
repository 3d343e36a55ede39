"""Backups: what is known of each, what its proof said, and which ones are kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a backup was made: somebody asked, the plan's schedule, or what was done next."""

    ASKED = "asked"
    SCHEDULE = "schedule"
    TERMINATE = "terminate"
    RESTORE = "restore"
    UPGRADE = "upgrade"


class ProofState(StrEnum):
    PROVED = "proved"
    FAILED = "failed"
    UNVERIFIABLE = "unverifiable"


@dataclass(frozen=True)
class Proof:
    """The result of restoring a backup to try it.

    proved_at: UTC, ISO 8601. restore_s: how long the restore took. detail: what was wrong or unknown.
    """

    state: ProofState
    proved_at: str
    restore_s: float
    detail: str = ""


@dataclass(frozen=True)
class Backup:
    """A backup of an instance, also of one that is gone.

    backup: its name, which is the archive's. name: the instance's at that time. identity: it has the same
    after a renaming. made_at: UTC, ISO 8601. size_bytes: of its dump and its files, which other backups may
    share. skipped: entries of the filestore that are no files of Odoo's. uncounted: what could not be counted
    while it was made, and why; the proof cannot compare it. fault: why its manifest cannot be read; then only
    its name and its time are known.
    """

    backup: str
    name: str
    identity: str
    made_at: str
    reason: Reason
    series: str
    size_bytes: int
    files: int
    proof: Proof | None = None
    skipped: int = 0
    uncounted: tuple[str, ...] = ()
    fault: str = ""
