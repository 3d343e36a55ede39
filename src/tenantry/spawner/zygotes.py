"""The zygotes of one spawner: started when first needed, ended when their template is no more."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tenantry.spawner import channel as channels
from tenantry.spawner.config import Config

_logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""A template's code and version; two empty texts are of the plain one, which has no registry loaded."""

PLAIN: Key = ("", "")
_TRY_AGAIN_S = 30


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

    def order(self, order: Mapping[str, Any], descriptors: tuple[int, ...]) -> None:
        """Have a tenant's process forked. Raises OSError when it is gone."""
        channels.send(self.channel, order, descriptors)

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
        self._failed: dict[Key, float] = {}
        self.databases: dict[Key, str] = {}
        """The database each zygote loads its registry from; one without gets none."""

    def fitting(self, key: Key) -> tuple[Zygote, bool]:
        """The zygote of a template's version, or the plain one; and whether it was started just now."""
        for candidate in (key, PLAIN):
            if candidate in self._running:
                return self._running[candidate], False
            is_wanted = candidate == PLAIN or candidate in self.databases
            if is_wanted and time.monotonic() >= self._failed.get(candidate, 0):
                return self._start(candidate), True
        raise OSError("no zygote can be started at this moment")

    def _start(self, key: Key) -> Zygote:
        ours, theirs = channels.pair()
        with theirs, self._log.open("ab") as log:
            process = subprocess.Popen(
                [*self._config.zygote, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self._config.zygote_environment),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        database = self.databases.get(key, "")
        zygote = Zygote(key, process, ours)
        self._running[key] = zygote
        _logger.info("zygote of %s: process %d", _spoken(key), process.pid)
        channels.send(
            ours,
            {
                "database": database,
                "password": self._password_of(database) if database else "",
                "options": dict(self._config.options),
            },
        )
        return zygote

    def lost(self, zygote: Zygote) -> None:
        """It has ended: forget it. One that never loaded is let rest for a while."""
        if self._running.get(zygote.key) is zygote:
            del self._running[zygote.key]
        if not zygote.is_ready:
            _logger.error("the zygote of %s did not load; see %s", _spoken(zygote.key), self._log)
            self._failed[zygote.key] = time.monotonic() + _TRY_AGAIN_S
        zygote.end()

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
