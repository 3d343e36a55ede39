"""The zygotes of one spawner: started before tenants need them, ended when their template is gone."""

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
"""A template's code and version; two empty texts for the plain zygote, which has no registry loaded."""

PLAIN: Key = ("", "")
_STEADY_AFTER_S = 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 30.0
"""The pause before the next start: doubled after each short life; the longest after a failure to load."""


@dataclass
class Zygote:
    """A zygote and its channel. waiting: tenants to wake once it has loaded; True: for jobs only."""

    key: Key
    process: subprocess.Popen[bytes]
    channel: socket.socket
    handle: int | None = None
    is_ready: bool = False
    waiting: dict[str, bool] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def order(self, order: agreed.ForkOrder, descriptors: tuple[int, ...]) -> None:
        """Order the fork of a tenant's process. Raises OSError when the zygote has ended."""
        agreed.send(self.channel, asdict(order), descriptors)

    def wait(self, tenant: str, *, for_jobs: bool) -> None:
        """Wake the tenant once the zygote has loaded. After a visit it stays awake longer than for a job."""
        self.waiting[tenant] = for_jobs and self.waiting.get(tenant, True)

    def became_ready(self, handle: int) -> None:
        """handle: a pidfd of the zygote itself; the process we started may be bubblewrap's."""
        self.handle, self.is_ready = handle, True
        took_s = time.monotonic() - self.began
        _logger.info("the zygote of %s is ready after %.2f s", _name_of(self.key), took_s)

    def end(self) -> None:
        """End the zygote; the processes that it forked continue."""
        self.channel.close()
        if self.handle is not None:
            signal_by(self.handle, signal.SIGKILL)
            os.close(self.handle)
            self.handle = None
        self.process.kill()
        self.process.wait()


class Zygotes:
    """The running zygotes, by template and version."""

    def __init__(self, config: Config, log: Path, password_of: Callable[[str], str]) -> None:
        self._config = config
        self._log = log
        self._password_of = password_of
        self._running: dict[Key, Zygote] = {}
        self._failures: dict[Key, int] = {}
        self._paused_until: dict[Key, float] = {}
        self.databases: dict[Key, str] = {}
        """For each key the database to load the registry from, newest last. Other keys get no zygote."""

    def find_or_start(self, key: Key) -> tuple[Zygote, bool]:
        """The zygote of a template's version, or the plain one, and whether it was started by this call."""
        for candidate in (key, PLAIN):
            if candidate in self._running:
                return self._running[candidate], False
            is_wanted = candidate == PLAIN or candidate in self.databases
            if is_wanted and self._may_start(candidate):
                return self._start(candidate), True
        raise OSError("no zygote can be started at this moment")

    def start_ahead(self) -> Zygote | None:
        """Start a zygote of a template's newest version, unless another one is loading. Raises OSError."""
        if not all(zygote.is_ready for zygote in self._running.values()):
            return None
        newest = dict(self.databases.keys())
        missing = (key for key in newest.items() if key not in self._running and self._may_start(key))
        return next(map(self._start, missing), None)

    def _may_start(self, key: Key) -> bool:
        return time.monotonic() >= self._paused_until.get(key, 0)

    def _start(self, key: Key) -> Zygote:
        channel, zygote_end = agreed.pair()
        try:
            with zygote_end, self._log.open("ab") as log:
                process = self._popen(zygote_end.fileno(), log)
        except OSError:
            channel.close()
            raise
        database = self.databases.get(key, "")
        zygote = Zygote(key, process, channel)
        self._running[key] = zygote
        _logger.info("zygote of %s: process %d", _name_of(key), process.pid)
        password = self._password_of(database) if database else ""
        order = agreed.LoadOrder(database, password, dict(self._config.options))
        with contextlib.suppress(OSError):  # it has ended already: the closed channel shows that
            agreed.send(channel, asdict(order))
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

    def forget(self, zygote: Zygote) -> None:
        """Forget a zygote that has ended. If it never loaded, or ended soon, the next start is delayed."""
        key = zygote.key
        if self._running.get(key) is zygote:
            del self._running[key]
        if not zygote.is_ready:
            _logger.error("the zygote of %s did not load; see %s", _name_of(key), self._log)
        is_steady = zygote.is_ready and time.monotonic() - zygote.began > _STEADY_AFTER_S
        self._failures[key] = 0 if is_steady else self._failures.get(key, 0) + 1
        self._paused_until[key] = time.monotonic() + self._pause_s(zygote)
        zygote.end()

    def _pause_s(self, zygote: Zygote) -> float:
        if not zygote.is_ready:
            return _LONGEST_PAUSE_S
        failures = self._failures[zygote.key]
        return min(_FIRST_PAUSE_S * 2.0 ** (failures - 1), _LONGEST_PAUSE_S) if failures else 0.0

    def remove_all_but(self, keys: set[Key]) -> list[Zygote]:
        """Remove and return the zygotes of all other keys, except the plain one; the caller ends them."""
        gone = [zygote for key, zygote in self._running.items() if key != PLAIN and key not in keys]
        for zygote in gone:
            del self._running[zygote.key]
        return gone

    def end_all(self) -> None:
        for zygote in self._running.values():
            zygote.end()
        self._running.clear()


def pid_of(handle: int) -> int:
    """The process id of a pidfd in our pid namespace; 0 when the process has ended."""
    for line in Path(f"/proc/self/fdinfo/{handle}").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "Pid":
            return max(int(value), 0)
    return 0


def signal_by(handle: int, number: int) -> None:
    """Send a signal by a pidfd: it cannot reach another process that has the same id now."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, number)


def _name_of(key: Key) -> str:
    return " ".join(key).strip() or "no template"
