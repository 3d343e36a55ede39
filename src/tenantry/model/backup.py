"""Backups: what is known of each, what its proof said, and which ones are kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Container, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType


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


def new_name(name: str, now: datetime) -> str:
    """The name of a new archive of an instance."""
    return f"{name}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


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


@dataclass(frozen=True)
class Retention:
    """How many backups of an instance are kept: the newest in each of the last days, weeks and months.

    Days, weeks and months without a backup do not count. final_days: how long the backups of a terminated
    instance are kept after its final backup.
    """

    daily: int = 7
    weekly: int = 4
    monthly: int = 3
    final_days: int = 30

    def to_keep(
        self,
        backups: Collection[Backup],
        now: datetime,
        alive: Container[str] = (),
        of: Mapping[str, Retention] = MappingProxyType({}),
    ) -> frozenset[str]:
        """The names of the backups to keep; the others can be removed.

        alive: the identities of the instances that there are. of: what is kept of some of them instead.
        What is not known well enough is kept.
        """
        known: dict[str, list[tuple[datetime, Backup]]] = {}
        kept = set[str]()
        for backup in backups:
            made_at = None if backup.fault else _moment(backup.made_at)
            if made_at is None:
                kept.add(backup.backup)
            else:
                known.setdefault(backup.identity or backup.name, []).append((made_at, backup))
        for identity, found in known.items():
            newest_first = sorted(found, key=lambda it: (it[0], it[1].backup), reverse=True)
            kept |= of.get(identity, self)._of_instance(newest_first, now, identity in alive)
        return frozenset(kept)

    def _of_instance(self, found: list[tuple[datetime, Backup]], now: datetime, is_alive: bool) -> set[str]:
        """found: the newest first."""
        until = now - timedelta(days=self.final_days)
        made_at, newest = found[0]
        if newest.reason is Reason.TERMINATE and made_at <= until and not is_alive:
            return set()
        finals = {it.backup for made_at, it in found if it.reason is Reason.TERMINATE and made_at > until}
        proved = (it for _made_at, it in found if it.proof and it.proof.state is ProofState.PROVED)
        last_good = next(proved, newest)
        return (
            {newest.backup, last_good.backup}
            | finals
            | _newest(found, self.daily, lambda made_at: made_at.date())
            | _newest(found, self.weekly, lambda made_at: made_at.isocalendar()[:2])
            | _newest(found, self.monthly, lambda made_at: (made_at.year, made_at.month))
        )


def _newest(
    found: list[tuple[datetime, Backup]], count: int, period: Callable[[datetime], Hashable]
) -> set[str]:
    """The newest in each of the last periods that have one; if its proof failed, also the newest other."""
    chosen: dict[Hashable, list[Backup]] = {}
    for made_at, backup in found:
        chosen.setdefault(period(made_at), []).append(backup)
    kept = set[str]()
    for of_period in list(chosen.values())[:count]:
        others = (it for it in of_period if not (it.proof and it.proof.state is ProofState.FAILED))
        kept |= {of_period[0].backup, next(others, of_period[0]).backup}
    return kept


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class Pruned:
    """What a pruning removed: backups, and files that no backup needs any more.

    condemned: files that the next pruning removes, a day later at the earliest, unless a backup names them.
    """

    removed: tuple[str, ...]
    condemned: int = 0
    files: int = 0
    freed_bytes: int = 0
