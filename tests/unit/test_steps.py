"""Operations: completed steps are skipped, a failure undoes them, and each is reported."""

from __future__ import annotations

import pytest

from tenantry.errors import NotYet, TenantryError
from tenantry.model.progress import StepEvent, StepStatus
from tenantry.operations.steps import Operation, Step


class Broken(TenantryError):
    pass


def appending(log: list[str], word: str):
    return lambda _subject: log.append(word)


def failing(_subject: object) -> None:
    raise Broken("it broke")


def test_steps_run_in_order_and_tell_how_far_they_are():
    log: list[str] = []
    events: list[StepEvent] = []
    steps = [Step("one", appending(log, "1")), Step("two", appending(log, "2"))]
    took = Operation("test", "thing", steps, events.append).run(None)
    assert log == ["1", "2"]
    assert [name for name, _ in took] == ["one", "two"]
    assert [(event.step, event.status, event.fraction) for event in events] == [
        ("one", StepStatus.STARTED, 0.0),
        ("one", StepStatus.DONE, 0.5),
        ("two", StepStatus.STARTED, 0.5),
        ("two", StepStatus.DONE, 1.0),
    ]


def test_a_step_that_is_done_is_skipped():
    log: list[str] = []
    Operation("test", "thing", [Step("one", appending(log, "1"), lambda _s: True)], lambda _e: None).run(None)
    assert log == []


def test_a_failure_undoes_what_was_made_in_reverse_and_is_raised():
    log: list[str] = []
    steps = [
        Step("one", appending(log, "1"), undo=appending(log, "undo 1")),
        Step("two", appending(log, "2")),
        Step("three", failing, undo=appending(log, "undo 3")),
        Step("four", appending(log, "4"), undo=appending(log, "undo 4")),
    ]
    with pytest.raises(Broken):
        Operation("test", "thing", steps, lambda _e: None).run(None)
    assert log == ["1", "2", "undo 3", "undo 1"]


def test_a_step_that_waits_gives_the_thread_back_and_goes_on_when_it_is_run_again():
    log: list[str] = []
    events: list[StepEvent] = []

    def wait_once(_subject: object) -> None:
        if "there" not in log:
            log.append("there")
            raise NotYet("thing", "its turn", 2)

    steps = [
        Step("one", appending(log, "1"), lambda _s: "1" in log, undo=appending(log, "undo 1")),
        Step("two", wait_once, undo=appending(log, "undo 2")),
    ]
    operation = Operation("test", "thing", steps, events.append)
    with pytest.raises(NotYet):
        operation.run(None)
    assert (log, events[-1].status) == (["1", "there"], StepStatus.WAITING)
    operation.run(None)
    assert (log, events[-1].status) == (["1", "there"], StepStatus.DONE)


def test_an_undo_that_fails_does_not_hide_the_cause():
    def undo(_subject: object) -> None:
        raise Broken("the undo broke too")

    with pytest.raises(Broken, match="it broke"):
        Operation("test", "thing", [Step("one", failing, undo=undo)], lambda _e: None).run(None)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interruption_undoes_as_a_failure_does(interruption: type[BaseException]):
    log: list[str] = []

    def interrupt(_subject: object) -> None:
        raise interruption

    steps = [Step("one", appending(log, "1"), undo=appending(log, "undo 1")), Step("two", interrupt)]
    with pytest.raises(interruption):
        Operation("test", "thing", steps, lambda _e: None).run(None)
    assert log == ["1", "undo 1"]


def test_a_listener_that_fails_undoes_as_well():
    log: list[str] = []

    def broken_pipe(event: StepEvent) -> None:
        if event.status is StepStatus.DONE:
            raise BrokenPipeError

    step = Step("one", appending(log, "1"), undo=appending(log, "undo 1"))
    with pytest.raises(BrokenPipeError):
        Operation("test", "thing", [step], broken_pipe).run(None)
    assert log == ["1", "undo 1"]
