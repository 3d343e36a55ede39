"""What the benchmark makes of what it measured."""

from __future__ import annotations

import pytest
from bench.comparison import verdict
from bench.figures import FLOOR, OLD, Figure, Statistic, Target, comparisons
from bench.sleeping import wakes_a_day


def figure(code: str, *samples: float, is_whole: bool = True) -> Figure:
    return Figure(code, code, "s", samples, is_whole=is_whole)


FLOORS = {FLOOR: figure(FLOOR, 0.2, 0.3, 0.1)}


def test_a_target_may_be_a_multiple_of_another_figure():
    target = Target(0.6, of=FLOOR)
    assert target.reached(figure("warm", 0.1), FLOORS) == pytest.approx(0.5)
    assert target.is_met(figure("warm", 0.12), FLOORS)
    assert not target.is_met(figure("warm", 0.13), FLOORS)


def test_at_least_so_many_times_the_server_before():
    target = Target(2, at_least=True, of=OLD + "rate")
    before = {OLD + "rate": figure(OLD + "rate", 3.0)}
    assert target.is_met(figure("rate", 6.0), before)
    assert not target.is_met(figure("rate", 5.9), before)


def test_a_target_is_not_told_without_what_it_is_a_multiple_of():
    assert Target(0.6, of=FLOOR).is_met(figure("warm", 0.1), {}) is None


def test_a_target_is_not_told_by_too_few_samples_or_tenants():
    assert Target(1.0, Statistic.P95, of=FLOOR).is_met(figure("warm", 0.1), FLOORS) is None
    assert Target(400).is_met(figure("asleep_memory", 100, is_whole=False), FLOORS) is None


def test_none_failed_is_a_target_that_can_be_met():
    assert Target(0).is_met(figure("storm_failed", 0.0), {})


def test_a_verdict_says_the_multiple():
    told, met = verdict(Target(0.6, of=FLOOR), figure("warm", 0.1), FLOORS)
    assert (told, met) == ("p50 ≤ 0.6 F (0.50)", True)


def test_comparisons_need_both_figures():
    figures = {"warm": figure("warm", 0.1), "duplicate": figure("duplicate", 1.6)}
    (found,) = comparisons(figures)
    assert (found.code, found.p50) == ("faster_than_duplicate", pytest.approx(16))


def test_jobs_due_at_the_same_moment_wake_once():
    assert wakes_a_day([3600, 3600, 86400, 7 * 86400]) == 24


def test_jobs_of_other_intervals_wake_by_themselves():
    assert wakes_a_day([3600, 5400]) == 24 + 16 - 8
