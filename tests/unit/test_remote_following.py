"""Watching a master: few calls, patience with a short silence, and an end to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tenantry.model.progress import StepEvent
from tenantry.remote.errors import MasterFailed, MasterUnreachable, RateLimited
from tenantry.remote.following import follow, step_reporter

_URL = "https://office.example.com"


class Watch:
    """Follows a list of answers, some of them errors, and notes the pauses."""

    def __init__(self, *answers: str | Exception) -> None:
        self._answers: Iterator[str | Exception] = iter(answers)
        self.pauses_s: list[float] = []
        self.told: list[str] = []

    def ask(self) -> str:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def run(self) -> str:
        is_over: Callable[[str], bool] = lambda answer: answer == "over"  # noqa: E731
        return follow(self.ask, is_over, self.told.append, self.pauses_s.append)


def test_it_asks_often_at_first_and_seldom_later():
    watch = Watch(*["going on"] * 10, "over")
    assert watch.run() == "over"
    assert watch.pauses_s == [0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 8.0, 8.0, 8.0]
    assert watch.told == ["going on"] * 10 + ["over"]


def test_a_restart_of_the_master_is_waited_for():
    watch = Watch("going on", MasterUnreachable(_URL, "refused"), MasterFailed(_URL, 502, ""), "over")
    assert watch.run() == "over"


def test_waiting_for_a_master_without_answers_ends():
    watch = Watch(*[MasterUnreachable(_URL, "refused")] * 100)
    with pytest.raises(MasterUnreachable):
        watch.run()
    assert 60 < sum(watch.pauses_s) < 120


def test_a_permanent_failure_is_raised_at_once():
    with pytest.raises(MasterFailed):
        Watch(MasterFailed(_URL, 500, "id-1"), "over").run()


def test_it_waits_as_long_as_the_master_says_but_not_for_the_rest_of_an_hour():
    watch = Watch(RateLimited(_URL, 7), "over")
    assert watch.run() == "over"
    assert watch.pauses_s == [0.2, 7, 0.3]
    with pytest.raises(RateLimited):
        Watch(RateLimited(_URL, 3000), "over").run()


def test_each_step_is_reported_once():
    events: list[StepEvent] = []
    tell = step_reporter("provision", "acme", events.append)
    for step, percent in [(None, 0.0), ("prepare", 10.0), ("prepare", 10.0), ("probe", 90.0)]:
        tell(step, percent)
    assert [(event.step, event.fraction) for event in events] == [("prepare", 0.1), ("probe", 0.9)]
