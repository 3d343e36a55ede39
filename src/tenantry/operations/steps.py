"""Steps: small, idempotent, level-triggered. Killed anywhere, an operation is simply run again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from tenantry import interrupts
from tenantry.errors import NotYet, TenantryError
from tenantry.model.progress import OnStep, StepEvent, StepStatus

_logger = logging.getLogger(__name__)

Subject = TypeVar("Subject", contravariant=True)  # noqa: PLC0105


@dataclass(frozen=True)
class Step(Generic[Subject]):
    """One step of an operation on a subject.

    is_done: checks the actual state, so that a second run skips the step; None: cheap, always run.
    undo: removes what the step made, even in part, when this step or a later one failed.
    """

    name: str
    run: Callable[[Subject], None]
    is_done: Callable[[Subject], bool] | None = None
    undo: Callable[[Subject], None] | None = None


@dataclass(frozen=True)
class Operation(Generic[Subject]):
    """Runs steps in order, reports each to `on_step`, and undoes them all if one fails."""

    name: str
    title: str
    steps: Sequence[Step[Subject]]
    on_step: OnStep

    def run(self, subject: Subject, *names: str) -> tuple[tuple[str, float], ...]:
        """Run to the end, or the steps of those names; return each step's name and seconds.

        Raises the error of a step, or of `on_step`, after undoing that step and those before it. NotYet is
        raised without undoing.
        """
        took: list[tuple[str, float]] = []
        chosen = [index for index, step in enumerate(self.steps) if not names or step.name in names]
        index, began = chosen[0], time.monotonic()
        try:
            for index in chosen:
                step, began = self.steps[index], time.monotonic()
                self._report(step, StepStatus.STARTED, index)
                status = self._run_step(step, subject)
                took.append((step.name, time.monotonic() - began))
                self._report(step, status, index + 1, took[-1][1])
        except NotYet:
            self._report(self.steps[index], StepStatus.WAITING, index, time.monotonic() - began)
            raise
        except BaseException:
            with interrupts.shielded():
                try:
                    self._report(self.steps[index], StepStatus.FAILED, index, time.monotonic() - began)
                finally:
                    self.undo(subject, index + 1)
            raise
        return tuple(took)

    def _run_step(self, step: Step[Subject], subject: Subject) -> StepStatus:
        if step.is_done and step.is_done(subject):
            return StepStatus.SKIPPED
        step.run(subject)
        return StepStatus.DONE

    def undo(self, subject: Subject, count: int | None = None) -> None:
        """Undo the first `count` steps, or all, the last first."""
        with interrupts.shielded():
            for step in reversed(self.steps[:count]):
                if step.undo:
                    with _logging_errors(f"{self.name} {self.title}: undoing {step.name}"):
                        step.undo(subject)

    def _report(self, step: Step[Subject], status: StepStatus, done: int, duration_s: float = 0.0) -> None:
        if status in (StepStatus.DONE, StepStatus.FAILED, StepStatus.WAITING):
            _logger.info("%s %s: %s %s in %.3f s", self.name, self.title, step.name, status, duration_s)
        self.on_step(StepEvent(self.name, self.title, step.name, status, done / len(self.steps), duration_s))


@contextmanager
def _logging_errors(action: str) -> Iterator[None]:
    """Log an error of an undo: it must not hide the error that made the operation fail."""
    try:
        yield
    except TenantryError as error:
        _logger.warning("%s failed: %s", action, error)
