"""Which backups are kept: the newest of each period, and always the last good one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tenantry.model.backup import Backup, Proof, ProofState, Reason, Retention

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)


def backup(
    at: datetime,
    identity: str = "a",
    reason: Reason = Reason.SCHEDULE,
    state: ProofState | None = None,
    **facts: str,
) -> Backup:
    proof = Proof(state, at.isoformat(), 1.0) if state else None
    name = f"acme-{at:%Y%m%d-%H%M%S}-{identity}{reason}{state}"
    return replace(Backup(name, "acme", identity, at.isoformat(), reason, "19.0", 1, 1, proof), **facts)


def nights(count: int) -> list[Backup]:
    """One each night, the newest first."""
    return [backup(NOW - timedelta(days=days)) for days in range(count)]


def days_ago(kept: frozenset[str], backups: list[Backup]) -> list[int]:
    return [days for days, it in enumerate(backups) if it.backup in kept]


moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 6, 1), timezones=st.just(UTC))
some_backups = st.builds(
    backup,
    at=moments,
    identity=st.sampled_from("ab"),
    reason=st.sampled_from(Reason),
    state=st.none() | st.sampled_from(ProofState),
    fault=st.sampled_from(["", "", "", "", "damaged"]),
)
stores = st.lists(some_backups, max_size=60, unique_by=lambda it: it.backup)
retentions = st.builds(Retention, *[st.integers(0, 5)] * 3, final_days=st.integers(0, 60))


def test_a_year_of_nights_leaves_seven_days_four_weeks_and_three_months():
    backups = nights(365)
    kept = days_ago(Retention().to_keep(backups, NOW), backups)
    # The 30th of November is a Monday.
    assert kept == [0, 1, 2, 3, 4, 5, 6, 8, 15, 30, 61]


def test_days_without_a_backup_do_not_count():
    """An instance that was not backed up for a year keeps what it had."""
    backups = nights(7)
    assert days_ago(Retention().to_keep(backups, NOW + timedelta(days=365)), backups) == [*range(7)]


def test_the_newest_proved_backup_is_kept_however_old_it_is():
    proved = backup(NOW - timedelta(days=400), state=ProofState.PROVED)
    older = backup(NOW - timedelta(days=401), state=ProofState.PROVED)
    kept = Retention().to_keep([*nights(200), proved, older], NOW)
    assert proved.backup in kept
    assert older.backup not in kept


@given(stores, retentions)
def test_the_last_good_backup_of_what_is_alive_is_kept_whatever_else_there_is(backups, retention):
    kept = retention.to_keep(backups, NOW, alive={"a", "b"})
    for identity in "ab":
        found = [it for it in backups if it.identity == identity and not it.fault]
        good = [it for it in found if it.proof and it.proof.state is ProofState.PROVED] or found
        if good:
            assert max(good, key=lambda it: (it.made_at, it.backup)).backup in kept


@given(stores, retentions)
def test_nothing_that_cannot_be_read_is_removed(backups, retention):
    kept = retention.to_keep(backups, NOW)
    assert {it.backup for it in backups if it.fault} <= kept <= {it.backup for it in backups}


@given(stores, retentions)
def test_what_was_kept_is_kept_again(backups, retention):
    """A pruning that was killed, and is run again, removes what the first one would have removed."""
    kept = retention.to_keep(backups, NOW)
    assert retention.to_keep([it for it in backups if it.backup in kept], NOW) == kept


@given(stores, retentions, st.data())
def test_a_pruning_that_was_killed_anywhere_and_is_run_again_ends_the_same(backups, retention, data):
    kept = retention.to_keep(backups, NOW)
    doomed = [it for it in backups if it.backup not in kept]
    oldest_first = sorted(doomed, key=lambda it: (it.made_at, it.backup))
    gone = oldest_first[: data.draw(st.integers(0, len(doomed)))]
    assert retention.to_keep([it for it in backups if it not in gone], NOW) == kept


@given(stores, retentions)
def test_a_clock_that_was_set_back_removes_no_more(backups, retention):
    kept = retention.to_keep(backups, NOW)
    assert kept <= retention.to_keep(backups, NOW - timedelta(days=4000))


@given(stores, retentions)
def test_as_many_are_kept_as_was_asked_for(backups, retention):
    kept = retention.to_keep(backups, NOW, alive={"a", "b"})
    for identity in "ab":
        found = [it for it in backups if it.identity == identity and not it.fault]
        usual = [it for it in found if it.reason is not Reason.TERMINATE and it.backup in kept]
        assert len(usual) <= 2 * (retention.daily + retention.weekly + retention.monthly) + 2


def test_a_failed_proof_does_not_take_the_place_of_a_good_backup():
    good = backup(NOW - timedelta(hours=2), state=ProofState.PROVED)
    failed = backup(NOW - timedelta(hours=1), state=ProofState.FAILED)
    later = [backup(NOW + timedelta(days=days)) for days in range(1, 3)]
    assert {good.backup, failed.backup} <= Retention().to_keep([good, failed, *later], NOW)


def test_a_terminated_instance_is_purged_after_its_time_unless_it_lives_again():
    final = backup(NOW - timedelta(days=30), reason=Reason.TERMINATE)
    before = [backup(NOW - timedelta(days=days)) for days in (31, 32)]
    others = [backup(NOW - timedelta(days=400), identity="b")]
    retention = Retention()
    everything = {it.backup for it in [final, *before, *others]}
    assert retention.to_keep([final, *before, *others], NOW) == {others[0].backup}
    assert retention.to_keep([final, *before, *others], NOW, alive={"a"}) == everything
    assert retention.to_keep([final, *before, *others], NOW - timedelta(hours=1)) == everything
    restored = backup(NOW - timedelta(days=1))
    assert restored.backup in retention.to_keep([restored, final, *before], NOW)


def test_a_renamed_instance_keeps_its_history_and_another_one_of_its_name_has_its_own():
    before = replace(backup(NOW - timedelta(days=3)), name="old", backup="old-1")
    after = replace(backup(NOW), name="new", backup="new-1")
    stranger = replace(backup(NOW, identity="b"), name="old", backup="old-2")
    kept = Retention(daily=1, weekly=0, monthly=0).to_keep([before, after, stranger], NOW)
    assert kept == {"new-1", "old-2"}
