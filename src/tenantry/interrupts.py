"""Ctrl-C in a command: at once while it has done nothing, else where no work is torn, and never in an undo.

Python raises KeyboardInterrupt between any two instructions. Inside psycopg that leaves a connection in the
middle of a query, and whatever has to undo the operation cannot use it. So the interrupt waits: it is raised
in our own code, or where psycopg waits for the server and knows how to cancel.

It imports nothing but the standard library: the command installs it before everything else.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 130
NOTHING = "Interrupted; nothing was begun."
_ASK_AGAIN_S = 0.02
_UNDOING_S = 10
"""How long further interrupts are ignored, in which people press the keys again. Then one counts again."""
_WAITS = {("psycopg.connection", "wait"), ("psycopg.waiting", "wait_conn")}
"""The functions in which psycopg waits for the server."""
_TRANSACTION = "psycopg.transaction"
"""It counts what it began, and loses count where it is left in the middle."""


class _State:
    """depth: how many blocks are shielded. raised_at: when it was raised last; 0: never."""

    is_begun = False
    is_finished = False
    is_waiting = False
    depth = 0
    raised_at = 0.0


_state = _State()


def install() -> None:
    """Handle Ctrl-C from now on, unless it is ignored, as in the background of a shell.

    Until `begin` it ends the process at once.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    signal.signal(signal.SIGINT, _on_interrupt)
    signal.signal(signal.SIGALRM, _on_interrupt)


def begin() -> None:
    """From now on an interrupt is raised, as KeyboardInterrupt."""
    _state.is_begun = True


def finish() -> None:
    """The work is done: what is left is to print it. Ignore interrupts."""
    _state.is_finished = True
    if signal.getsignal(signal.SIGINT) is _on_interrupt:
        # Python takes handlers away while it ends; a signal would kill it then.
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def happened() -> bool:
    """Whether the user has interrupted the command."""
    return bool(_state.raised_at)


@contextmanager
def shielded() -> Iterator[None]:
    """Let an interrupt wait until the end of the block. Other threads are never interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.depth += 1
    try:
        yield
    finally:
        _state.depth -= 1


def _on_interrupt(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGALRM and not _state.is_waiting:
        return
    _state.is_waiting = False
    if _state.is_finished:
        return
    if not _state.is_begun:
        os.write(2, f"{NOTHING}\n".encode())
        os._exit(EXIT_CODE)
    if _state.raised_at and time.monotonic() - _state.raised_at < _UNDOING_S:
        os.write(2, b"\nOne moment: what was begun is being undone.\n")
    elif _state.depth or _is_torn(frame):
        _state.is_waiting = True
        signal.setitimer(signal.ITIMER_REAL, _ASK_AGAIN_S)
    else:
        _state.raised_at = time.monotonic()
        raise KeyboardInterrupt


def _is_torn(frame: FrameType | None) -> bool:
    """Whether an exception that is raised here would leave a connection in the middle of something."""
    if frame is None:
        return False
    waits = (_module(frame), frame.f_code.co_name) in _WAITS
    modules = set()
    caller: FrameType | None = frame
    while caller:
        modules.add(_module(caller))
        caller = caller.f_back
    is_inside = any(module.partition(".")[0] == "psycopg" for module in modules)
    return _TRANSACTION in modules or (is_inside and not waits)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
