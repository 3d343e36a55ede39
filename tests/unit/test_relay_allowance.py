"""Each instance may write to so many recipients in an hour; what is refused is counted."""

from __future__ import annotations

from tenantry.relay.allowance import Allowance
from tenantry.relay.refusals import RefusalLog, Refusals


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


def test_refusals_for_good_are_counted_of_each_instance_with_the_last_answer():
    clock = Clock()
    log = RefusalLog(clock)
    log.note("17", "550 No such user")
    clock.now += 60
    log.note("17", "554 Spam" + "!" * 1000)
    log.note("17", "451 Come again later")
    assert log.of("17") == Refusals(2, ("554 Spam" + "!" * 1000)[:500], 1060.0)
    assert log.of("18") == Refusals()
    assert log.instances == {"17"}
