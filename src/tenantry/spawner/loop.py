"""The spawner's event loop: one thread that waits for readable descriptors and for timers."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
from collections.abc import Callable
from functools import partial

from tenantry.spawner.timers import Timers

_logger = logging.getLogger(__name__)

Source = socket.socket | int
Action = Callable[[], None]

_RETRY_S = 1


class Loop:
    """Calls an action when its source is readable or when its timer is due.

    An action that fails must not affect other tenants: the failure is logged, and the action retried later.
    """

    def __init__(self) -> None:
        self.timers = Timers()
        self._selector = selectors.DefaultSelector()
        self._is_running = True

    def watch(self, source: Source, action: Action) -> None:
        """Call the action whenever the source is readable. A source that is watched already is ignored."""
        with contextlib.suppress(KeyError):
            self._selector.register(source, selectors.EVENT_READ, action)

    def unwatch(self, source: Source) -> None:
        """Call this before closing a source, whose number may then be reused. An unwatched one is ignored."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(source)

    def run(self) -> None:
        """Run until `end` is called."""
        while self._is_running:
            for key, _events in self._selector.select(self.timers.wait_s):
                # An earlier action of this round may have unwatched the source.
                if self._selector.get_map().get(key.fd) is key and not _succeeds(key.data):
                    self._retry_later(key.fd, key.data)
            for action in self.timers.due():
                _succeeds(action)

    def end(self) -> None:
        """End the loop at its next round. Safe in a signal handler."""
        self._is_running = False

    def _retry_later(self, descriptor: int, action: Action) -> None:
        """Unwatch the source for a while: it is still readable, and the action would fail again at once."""
        with contextlib.suppress(OSError):
            identity = os.fstat(descriptor).st_ino
            self.unwatch(descriptor)
            self.timers.after(_RETRY_S, partial(self._watch_again, descriptor, identity, action))

    def _watch_again(self, descriptor: int, identity: int, action: Action) -> None:
        """Watch the source again, unless it was closed and its number is another file's now."""
        with contextlib.suppress(OSError):
            if os.fstat(descriptor).st_ino == identity:
                self.watch(descriptor, action)


def _succeeds(action: Action) -> bool:
    try:
        action()
    except Exception:
        _logger.exception("an action of the event loop failed")
        return False
    return True
