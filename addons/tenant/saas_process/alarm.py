"""What ends the main thread's wait."""

import contextlib
import os
import select
import signal


class Alarm:
    """Can be rung from any thread and by any signal."""

    def __init__(self):
        self._heard, self._rung = os.pipe()
        os.set_blocking(self._heard, False)
        os.set_blocking(self._rung, False)

    def ring_on_signals(self):
        """Ring at each signal that has a handler in Python.

        Python runs the handler in the main thread only, and a signal does not end its wait when another
        thread received it, or when it came just before the wait.
        """
        signal.set_wakeup_fd(self._rung, warn_on_full_buffer=False)

    def ring(self):
        """Safe in a signal handler."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._rung, b"r")

    def wait(self, seconds):
        """Wait until it rings or the time is over; return whether it rang."""
        is_ringing = bool(select.select([self._heard], [], [], seconds)[0])
        with contextlib.suppress(BlockingIOError):
            os.read(self._heard, 4096)
        return is_ringing
