"""What a proof compares, and what the proofs of all backups say together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tenantry.archive.format import Manifest, Stored
from tenantry.errors import (
    ArchiveDamaged,
    ArchiveKeyMissing,
    ArchiveNotTrusted,
    BackupNotCounted,
    BackupNotWhole,
    ClientNotFound,
    RestoreFailed,
    StoreFailure,
    Tampered,
    TenantryError,
)
from tenantry.model.backup import Backup, Proof, ProofState, Reason
from tenantry.model.proofs import ProofSummary, percentile, summarize
from tenantry.operations.backup.prove import differences, due, not_compared, state_of
from tenantry.operations.instance.contents import Contents

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
COUNTED = Contents(rows={"public.a": 3, "public.b": 0}, attachments=2, posted="10.75")
MANIFEST = Manifest(
    archive="acme-1",
    name="acme",
    made_at="",
    host="",
    series="19.0",
    template="",
    version="",
    postgres=15,
    modules=(),
    extensions=(),
    label={},
    dump=Stored(0, "", ()),
    rows=COUNTED.rows,
    attachments=COUNTED.attachments,
    posted=COUNTED.posted,
)


def backup(
    proof: Proof | None = None, hours_ago: float = 1, identity: str = "one", fault: str = "", name: str = ""
) -> Backup:
    made_at = (NOW - timedelta(hours=hours_ago)).isoformat()
    name = name or f"acme-{hours_ago}"
    return Backup(name, "acme", identity, made_at, Reason.ASKED, "19.0", 1, 1, proof, fault=fault)


def proved(restore_s: float) -> Proof:
    return Proof(ProofState.PROVED, NOW.isoformat(), restore_s)


UNVERIFIABLE = Proof(ProofState.UNVERIFIABLE, NOW.isoformat(), 0.0, "the store was away")
BAD = Proof(ProofState.FAILED, NOW.isoformat(), 0.0, "it is damaged")


# ---------------------------------------------------------------- comparing


def test_what_is_equal_differs_in_nothing():
    assert list(differences(MANIFEST, COUNTED)) == []
    assert list(not_compared(MANIFEST, COUNTED)) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rows": {"public.a": 2, "public.b": 0}}, "public.a has 2 rows instead of 3"),
        ({"rows": {"public.a": 3}}, "the table public.b is missing"),
        ({"rows": {**COUNTED.rows, "public.c": 1}}, "there is a table public.c"),
        ({"attachments": 1}, "1 attachments have a file instead of 2"),
        ({"posted": "10.74"}, "the posted items are 10.74 instead of 10.75"),
    ],
)
def test_each_difference_is_told(changes: dict, told: str):
    assert list(differences(MANIFEST, replace(COUNTED, **changes))) == [told]


def test_what_was_not_counted_is_no_difference_and_is_told():
    manifest = replace(MANIFEST, rows={"public.a": 3}, uncounted={"public.b": "permission denied"})
    assert list(differences(manifest, COUNTED)) == []
    assert list(not_compared(manifest, COUNTED)) == ["public.b (permission denied)"]
    now = replace(COUNTED, rows={"public.a": 3}, uncounted={"public.b": "it took too long"})
    assert list(differences(MANIFEST, now)) == []
    assert list(not_compared(MANIFEST, now)) == ["public.b (it took too long)"]


def test_a_manifest_of_a_version_that_did_not_count_can_be_compared_with_nothing():
    old = replace(MANIFEST, rows={}, attachments=None, posted="")
    assert list(differences(old, COUNTED)) == []
    assert list(not_compared(old, COUNTED)) == ["it was made by a version that did not count"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ArchiveDamaged("acme-1", "a byte"), ProofState.FAILED),
        (ArchiveNotTrusted("acme-1", "00"), ProofState.FAILED),
        (BackupNotWhole("acme-1", ["a"]), ProofState.FAILED),
        (RestoreFailed("acme-1", "ERROR: not at home"), ProofState.FAILED),
        (RestoreFailed("acme-1", "ERROR: unterminated quoted string"), ProofState.FAILED),
        (RestoreFailed("acme-1", "could not extend file: No space left on device"), ProofState.UNVERIFIABLE),
        (RestoreFailed("acme-1", "server closed the connection unexpectedly"), ProofState.UNVERIFIABLE),
        (BackupNotCounted("acme-1", ["a"]), ProofState.UNVERIFIABLE),
        (ArchiveKeyMissing("acme-1", ["age1"]), ProofState.UNVERIFIABLE),
        (StoreFailure("s3://b", "away"), ProofState.UNVERIFIABLE),
        (ClientNotFound("pg_restore", 15, []), ProofState.UNVERIFIABLE),
        (Tampered("acme", "it took too long"), ProofState.UNVERIFIABLE),
    ],
    ids=str,
)
def test_only_what_is_the_backups_fault_fails_it(error: TenantryError, state: ProofState):
    assert state_of(error, is_readable=False) is state


def test_an_object_for_another_key_in_a_readable_backup_was_put_there_by_somebody():
    assert state_of(ArchiveKeyMissing("acme-1", ["age1"]), is_readable=True) is ProofState.FAILED


# ---------------------------------------------------------------- all together


def test_of_each_instance_the_newest_without_a_result_is_due():
    newest, older = backup(hours_ago=1), backup(hours_ago=2)
    of_another = backup(UNVERIFIABLE, 3, identity="two")
    found = [backup(proved(1), 0), newest, older, of_another, backup(BAD, 4, identity="three")]
    assert due(found) == [newest, of_another]


def test_a_summary_counts_each_state_once_and_times_only_what_is_good():
    found = [backup(proved(seconds)) for seconds in range(1, 21)]
    found += [backup(BAD), backup(UNVERIFIABLE, 30), backup(None, 50), backup(proved(99), fault="damaged")]
    assert summarize(found, NOW) == ProofSummary(
        proved=20,
        failed=2,
        unverifiable=1,
        not_yet=1,
        restore_p50_s=10,
        restore_p95_s=19,
        restore_worst_s=20,
        oldest_unproved_s=50 * 3600,
    )
    assert summarize([], NOW) == ProofSummary()


def test_a_percentile_is_one_of_the_values():
    assert [percentile([3.0, 1.0, 2.0], percent) for percent in (1, 34, 67, 100)] == [1.0, 2.0, 3.0, 3.0]
    assert percentile([], 95) == 0.0
