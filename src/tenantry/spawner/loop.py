"""The spawner's loop: one thread that waits for what can be read, and does what is due."""

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

_TRY_AGAIN_S = 1


class Loop:
    """Calls an action when its source can be read, and others when their time has come.

    An action that fails concerns no other tenant: it is told, and tried again a little later.
    """

    def __init__(self) -> None:
        self.timers = Timers()
        self._selector = selectors.DefaultSelector()
        self._is_running = True

    def watch(self, source: Source, action: Action) -> None:
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
                if self._selector.get_map().get(key.fd) is key and not _succeeds(key.data):
                    self._let_rest(key.fd, key.data)
            for action in self.timers.due():
                _succeeds(action)

    def end(self) -> None:
        """Safe in a signal handler: the loop sees it at its next turn."""
        self._is_running = False

    def _let_rest(self, descriptor: int, action: Action) -> None:
        """Its source can be read still, and would be the next thing to fail."""
        with contextlib.suppress(OSError):
            identity = os.fstat(descriptor).st_ino
            self.unwatch(descriptor)
            self.timers.after(_TRY_AGAIN_S, partial(self._watch_again, descriptor, identity, action))

    def _watch_again(self, descriptor: int, identity: int, action: Action) -> None:
        """Unless the source was closed meanwhile, and its number is another's."""
        with contextlib.suppress(OSError):
            if os.fstat(descriptor).st_ino == identity:
                self.watch(descriptor, action)


def _succeeds(action: Action) -> bool:
    try:
        action()
    except Exception:
        _logger.exception("what was to be done failed")
        return False
    return True
