"""Do work in a few threads, with a short queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

AT_ONCE = 4
Given = TypeVar("Given")
Result = TypeVar("Result")


def in_parallel(work: Callable[[Given], Result], given: Iterable[Given]) -> Iterator[Result]:
    """Yield the results in order. The first error is raised after the running work has ended."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting: deque[Future[Result]] = deque()
        for one in given:
            waiting.append(pool.submit(work, one))
            if len(waiting) >= 2 * AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
