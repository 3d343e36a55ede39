"""Each instance may write to so many recipients in an hour."""

from __future__ import annotations

from tenantry.relay.allowance import Allowance


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_instance_that_has_used_its_hour_may_write_again_an_hour_later():
    clock = Clock()
    allowance = Allowance(clock)
    allowance.note("17", 60)
    clock.now += 1800
    allowance.note("17", 40)
    assert allowance.remaining("17", 100) == 0
    clock.now += 1800
    assert allowance.remaining("17", 100) == 60
    clock.now += 1800
    assert allowance.remaining("17", 100) == 100


def test_instances_do_not_use_up_each_others_hour():
    allowance = Allowance(Clock())
    allowance.note("17", 100)
    assert allowance.remaining("18", 100) == 100


def test_a_lower_limit_leaves_nothing_and_no_negative_rest():
    allowance = Allowance(Clock())
    allowance.note("17", 100)
    assert allowance.remaining("17", 50) == 0
