"""What the proofs of all backups say together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tenantry.model.backup import Backup, ProofState


@dataclass(frozen=True)
class ProofSummary:
    """How many backups are in each state; those that cannot be read are failed.

    restore_p50_s, restore_p95_s, restore_worst_s: the measured times to restore the proved ones; 0.0: there
    are none. oldest_unproved_s: how long ago the oldest backup without a result was made; 0.0: there is none.
    """

    proved: int = 0
    failed: int = 0
    unverifiable: int = 0
    not_yet: int = 0
    restore_p50_s: float = 0.0
    restore_p95_s: float = 0.0
    restore_worst_s: float = 0.0
    oldest_unproved_s: float = 0.0


def summarize(backups: Iterable[Backup], now: datetime) -> ProofSummary:
    """Summarize the backups' proofs. now: with a time zone."""
    states = dict.fromkeys((*ProofState, None), 0)
    times, waiting = list[float](), list[datetime]()
    for backup in backups:
        state = state_of(backup)
        states[state] += 1
        if state is ProofState.PROVED and backup.proof:
            times.append(backup.proof.restore_s)
        if state in (None, ProofState.UNVERIFIABLE) and backup.made_at:
            waiting.append(datetime.fromisoformat(backup.made_at))
    return ProofSummary(
        proved=states[ProofState.PROVED],
        failed=states[ProofState.FAILED],
        unverifiable=states[ProofState.UNVERIFIABLE],
        not_yet=states[None],
        restore_p50_s=percentile(times, 50),
        restore_p95_s=percentile(times, 95),
        restore_worst_s=max(times, default=0.0),
        oldest_unproved_s=max((now - min(waiting, default=now)) / timedelta(seconds=1), 0.0),
    )


def state_of(backup: Backup) -> ProofState | None:
    """The state of its proof; None: it was not looked at yet. What cannot be read is not good."""
    if backup.fault:
        return ProofState.FAILED
    return backup.proof.state if backup.proof else None


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent of the values do not exceed; 0.0 of none."""
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] if ordered else 0.0
