"""Watching a master: few calls, patience with a short silence, and an end to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tenantry.model.progress import StepEvent, StepStatus
from tenantry.remote.errors import MasterFailed, MasterUnreachable, RateLimited
from tenantry.remote.following import StepWatch, follow, step_reporter
from tenantry.remote.results import LogLine

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


def test_all_steps_of_a_creation_are_shown_with_their_times_at_its_end():
    events: list[StepEvent] = []
    watch = StepWatch("provision", "r-1", events.append)
    watch.look("prepare", 10.0)
    watch.look("prepare", 10.0)
    log = [
        LogLine("3", "info", "", "provision", "activate", 0.25),
        LogLine("2", "info", "", "provision", "prepare", 0.5),
        LogLine("1", "info", "", "restart", "stop", 9.0),
        LogLine("0", "info", "", "provision", "prepare", 99.0),  # an attempt before
    ]
    watch.end(log)
    assert [(event.step, event.status, event.duration_s) for event in events] == [
        ("prepare", StepStatus.STARTED, 0.0),
        ("prepare", StepStatus.DONE, 0.5),
        ("activate", StepStatus.DONE, 0.25),
    ]
    assert events[-1].fraction == 1.0


def test_without_a_log_the_steps_that_were_seen_are_shown():
    events: list[StepEvent] = []
    watch = StepWatch("provision", "r-1", events.append)
    watch.look("prepare", 10.0)
    watch.end([])
    assert [event.status for event in events] == [StepStatus.STARTED, StepStatus.DONE]


def test_each_step_is_reported_once():
    events: list[StepEvent] = []
    tell = step_reporter("provision", "acme", events.append)
    for step, percent in [(None, 0.0), ("prepare", 10.0), ("prepare", 10.0), ("probe", 90.0)]:
        tell(step, percent)
    assert [(event.step, event.fraction) for event in events] == [("prepare", 0.1), ("probe", 0.9)]
