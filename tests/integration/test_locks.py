"""Advisory locks between two connections."""

from __future__ import annotations

import threading

import pytest
from tests.support.waiting import wait_until

from tenantry.errors import Busy
from tenantry.operations.context import Context
from tenantry.postgres import locks

HELD = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
     WHERE locktype = 'advisory' AND granted AND datname = current_database()
"""
"""In this database only: the master's job runner holds a lock in the master's database."""


def test_a_held_lock_is_refused_at_once_and_free_again_afterwards(context: Context):
    with context.maintenance() as one, context.maintenance() as other:
        with (
            locks.exclusive(one, "thing"),
            pytest.raises(Busy, match="thing"),
            locks.exclusive(other, "thing"),
        ):
            pass
        with locks.exclusive(other, "thing"):
            pass


def test_readers_share_a_lock_and_a_writer_waits_no_longer_than_its_limit(context: Context):
    with context.maintenance() as one, context.maintenance() as two, context.maintenance() as writer:
        with (
            locks.shared(one, "thing"),
            locks.shared(two, "thing"),
            pytest.raises(Busy),
            locks.exclusive(writer, "thing", wait_s=0.1),
        ):
            pass
        with locks.exclusive(writer, "thing", wait_s=0.1):
            assert writer.execute("SHOW lock_timeout").fetchone() == ("0",)


def test_a_waiting_writer_is_not_starved_by_new_readers(context: Context):
    """If the writer only polled, readers that overlap would keep it waiting for ever."""
    order: list[str] = []

    def write() -> None:
        with context.maintenance() as writer, locks.exclusive(writer, "thing", wait_s=10):
            order.append("writer")

    with context.maintenance() as first, context.maintenance() as second:
        with locks.shared(first, "thing"):
            thread = threading.Thread(target=write)
            thread.start()
            _wait_for_a_waiter(context)
            with pytest.raises(Busy), locks.shared(second, "thing", wait_s=0.2):
                order.append("late reader")
        thread.join()
    assert order == ["writer"]


def _wait_for_a_waiter(context: Context) -> None:
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with context.maintenance() as connection:
        wait_until(lambda: connection.execute(query).fetchone() == (1,), "nobody waits")


def test_the_lock_of_a_killed_holder_is_free(context: Context):
    with context.maintenance() as other:
        holder = context.cluster.open()
        lock = locks.exclusive(holder, "thing")
        lock.__enter__()
        with pytest.raises(Busy), locks.exclusive(other, "thing"):
            pass
        holder.close()
        with locks.exclusive(other, "thing", wait_s=5):
            assert other.execute(HELD).fetchone() == (1,)


def test_a_session_that_waits_for_a_slot_takes_any_free_slot(context: Context):
    with context.maintenance() as slow, locks.slot(slow, "copying", 2, wait_s=0.1):
        for _ in range(20):
            with context.maintenance() as quick, locks.slot(quick, "copying", 2, wait_s=0.1):
                pass


def test_no_more_sessions_hold_a_slot_than_there_are_slots(context: Context):
    with context.maintenance() as one, context.maintenance() as two, context.maintenance() as late:
        with (
            locks.slot(one, "copying", 2, wait_s=1),
            locks.slot(two, "copying", 2, wait_s=1),
            pytest.raises(Busy, match="copying"),
            locks.slot(late, "copying", 2, wait_s=0.1),
        ):
            pass
        with locks.slot(late, "copying", 2, wait_s=0.1):
            assert late.execute(HELD).fetchone() == (1,)
