"""The spawner's loop: one thread that waits for what can be read, and does what is due."""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Callable

from tenantry.spawner.timers import Timers

Source = socket.socket | int


class Loop:
    """Calls an action when its source can be read, and others when their time has come."""

    def __init__(self) -> None:
        self.timers = Timers()
        self._selector = selectors.DefaultSelector()
        self._is_running = True

    def watch(self, source: Source, action: Callable[[], None]) -> None:
        """Call the action whenever the source can be read; a source that is watched already stays so."""
        with contextlib.suppress(KeyError):
            self._selector.register(source, selectors.EVENT_READ, action)

    def unwatch(self, source: Source) -> None:
        """Before the source is closed: its number may be another's then. One that is not watched is fine."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(source)

    def run(self) -> None:
        """Until it is told to end."""
        while self._is_running:
            for key, _events in self._selector.select(self.timers.wait_s):
                # An action before this one may have ended what it was for.
                if self._selector.get_map().get(key.fd) is key:
                    key.data()
            self.timers.run_due()

    def end(self) -> None:
        """Safe in a signal handler: the loop sees it at its next turn."""
        self._is_running = False
