"""The zygotes of one spawner: started ahead of who needs them, ended when their template is no more."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from tenantry import agreed
from tenantry.spawner.config import Config

_logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""A template's code and version; two empty texts are of the plain one, which has no registry loaded."""

PLAIN: Key = ("", "")
_STEADY_AFTER_S = 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 30.0
"""Before the next one starts: doubled each time one soon ended; the longest when it never loaded."""


@dataclass
class Zygote:
    """One zygote's process, its channel, and who is to be woken once it has loaded, for jobs or not."""

    key: Key
    process: subprocess.Popen[bytes]
    channel: socket.socket
    handle: int | None = None
    is_ready: bool = False
    waiting: dict[str, bool] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def order(self, order: agreed.ForkOrder, descriptors: tuple[int, ...]) -> None:
        """Have a tenant's process forked. Raises OSError when it is gone."""
        agreed.send(self.channel, asdict(order), descriptors)

    def wait(self, tenant: str, *, for_jobs: bool) -> None:
        """A visitor counts for more than a job: who is served stays awake for a while."""
        self.waiting[tenant] = for_jobs and self.waiting.get(tenant, True)

    def became_ready(self, handle: int) -> None:
        """handle: its own process, which is not the one we started where bubblewrap stands between."""
        self.handle, self.is_ready = handle, True
        took_s = time.monotonic() - self.began
        _logger.info("the zygote of %s is ready after %.2f s", _spoken(self.key), took_s)

    def end(self) -> None:
        """Let it go; the tenants it forked stay."""
        self.channel.close()
        if self.handle is not None:
            signal_by(self.handle, signal.SIGKILL)
            os.close(self.handle)
            self.handle = None
        self.process.kill()
        self.process.wait()


class Zygotes:
    """By template and version."""

    def __init__(self, config: Config, log: Path, password_of: Callable[[str], str]) -> None:
        self._config = config
        self._log = log
        self._password_of = password_of
        self._running: dict[Key, Zygote] = {}
        self._failures: dict[Key, int] = {}
        self._rests_until: dict[Key, float] = {}
        self.databases: dict[Key, str] = {}
        """The database each zygote loads its registry from, a newer one later; one without gets none."""

    def fitting(self, key: Key) -> tuple[Zygote, bool]:
        """The zygote of a template's version, or the plain one; and whether it was started just now."""
        for candidate in (key, PLAIN):
            if candidate in self._running:
                return self._running[candidate], False
            is_wanted = candidate == PLAIN or candidate in self.databases
            if is_wanted and self._may_start(candidate):
                return self._start(candidate), True
        raise OSError("no zygote can be started at this moment")

    def start_ahead(self) -> Zygote | None:
        """Start one that is likely to be needed, of a template's newest version. One loads at a time.

        Raises OSError.
        """
        if not all(zygote.is_ready for zygote in self._running.values()):
            return None
        newest = dict(self.databases.keys())
        missing = (key for key in newest.items() if key not in self._running and self._may_start(key))
        return next(map(self._start, missing), None)

    def _may_start(self, key: Key) -> bool:
        return time.monotonic() >= self._rests_until.get(key, 0)

    def _start(self, key: Key) -> Zygote:
        ours, theirs = agreed.pair()
        try:
            with theirs, self._log.open("ab") as log:
                process = self._popen(theirs.fileno(), log)
        except OSError:
            ours.close()
            raise
        database = self.databases.get(key, "")
        zygote = Zygote(key, process, ours)
        self._running[key] = zygote
        _logger.info("zygote of %s: process %d", _spoken(key), process.pid)
        password = self._password_of(database) if database else ""
        order = agreed.LoadOrder(database, password, dict(self._config.options))
        with contextlib.suppress(OSError):  # that it has ended already is seen at its channel
            agreed.send(ours, asdict(order))
        return zygote

    def _popen(self, channel: int, log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._config.zygote, str(channel)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(self._config.zygote_environment),
            pass_fds=[channel],
            start_new_session=True,
        )

    def lost(self, zygote: Zygote) -> None:
        """It has ended: forget it. One that never loaded, or soon ends each time, is let rest for a while."""
        key = zygote.key
        if self._running.get(key) is zygote:
            del self._running[key]
        if not zygote.is_ready:
            _logger.error("the zygote of %s did not load; see %s", _spoken(key), self._log)
        is_steady = zygote.is_ready and time.monotonic() - zygote.began > _STEADY_AFTER_S
        self._failures[key] = 0 if is_steady else self._failures.get(key, 0) + 1
        self._rests_until[key] = time.monotonic() + self._pause_s(zygote)
        zygote.end()

    def _pause_s(self, zygote: Zygote) -> float:
        if not zygote.is_ready:
            return _LONGEST_PAUSE_S
        failures = self._failures[zygote.key]
        return min(_FIRST_PAUSE_S * 2.0 ** (failures - 1), _LONGEST_PAUSE_S) if failures else 0.0

    def end_those_without(self, keys: set[Key]) -> list[Zygote]:
        """End the zygotes whose database is gone; return them, for the loop to forget."""
        gone = [zygote for key, zygote in self._running.items() if key != PLAIN and key not in keys]
        for zygote in gone:
            del self._running[zygote.key]
        return gone

    def end_all(self) -> None:
        for zygote in self._running.values():
            zygote.end()
        self._running.clear()


def pid_of(handle: int) -> int:
    """The process a pidfd stands for, as this process numbers it; 0 when it is gone."""
    for line in Path(f"/proc/self/fdinfo/{handle}").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "Pid":
            return max(int(value), 0)
    return 0


def signal_by(handle: int, number: int) -> None:
    """Send a signal by a pidfd: it cannot reach another process that got the same number."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, number)


def _spoken(key: Key) -> str:
    return " ".join(key).strip() or "no template"
