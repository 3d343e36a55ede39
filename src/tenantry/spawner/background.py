"""Work of the spawner that waits for another program: done in threads, while the loop goes on."""

from __future__ import annotations

import contextlib
import os
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tenantry.spawner.loop import Action, Loop


class Background:
    """A few threads. Only the loop's own thread may touch tenants, so they hand it actions for that."""

    def __init__(self, loop: Loop, at_once: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._actions: queue.SimpleQueue[Action] = queue.SimpleQueue()
        self._readable, self._writable = os.pipe()
        for descriptor in (self._readable, self._writable):
            os.set_blocking(descriptor, False)
        loop.watch(self._readable, self._act)

    def submit(self, work: Action, failed: Callable[[Exception], None]) -> None:
        """Do the work in a thread. failed: called in the loop, with the error that it raised."""
        self._pool.submit(self._do, work, failed)

    def _do(self, work: Action, failed: Callable[[Exception], None]) -> None:
        try:
            work()
        except Exception as error:
            self.report(partial(failed, error))

    def report(self, action: Action) -> None:
        """Have the loop call the action."""
        self._actions.put(action)
        with contextlib.suppress(OSError):  # it is full of earlier ones, which wake the loop as well
            os.write(self._writable, b"r")

    def _act(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._readable, 65536)
        while not self._actions.empty():
            self._actions.get()()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
