"""A creation whose parts the caller runs, so that they can do other work between the parts."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tenantry.model.instance import Creation
from tenantry.operations.steps import Operation

Subject = TypeVar("Subject")


@dataclass
class Session(ABC, Generic[Subject]):
    """The parts in their order. What each of them does depends on where the instance will run.

    is_undone: nothing is left to undo, since a part failed and undid all parts, or waits and must keep them.
    """

    subject: Subject
    operation: Operation[Subject]
    is_undone: bool = False
    began: float = field(default_factory=time.monotonic)
    steps: tuple[tuple[str, float], ...] = ()

    @abstractmethod
    def clone(self) -> None: ...

    @abstractmethod
    def sanitize(self) -> None: ...

    @abstractmethod
    def customize(self) -> None: ...

    @abstractmethod
    def create_admin(self) -> None: ...

    @abstractmethod
    def publish(self) -> Creation:
        """Wait until it answers, and activate it."""

    def all_parts(self) -> Creation:
        self.clone()
        self.sanitize()
        self.customize()
        self.create_admin()
        return self.publish()

    @property
    def took_s(self) -> float:
        return time.monotonic() - self.began

    @contextmanager
    def undone_on_error(self) -> Iterator[None]:
        """Undo all parts when the caller fails between them."""
        try:
            yield
        except BaseException:
            if not self.is_undone:
                self.operation.undo(self.subject)
            raise

    def _run(self, *names: str) -> None:
        try:
            self.steps += self.operation.run(self.subject, *names)
        except BaseException:
            self.is_undone = True
            raise
