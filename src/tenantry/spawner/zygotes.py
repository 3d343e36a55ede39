"""The zygotes of one spawner: started before tenants need them, ended when their template is gone."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from tenantry import agreed
from tenantry.spawner import cgroups
from tenantry.spawner.config import Config
from tenantry.spawner.identity import is_root, kill_orphans_of, tenant_user
from tenantry.spawner.tenants import Process, Tenant, signal_by

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
    landlock_abi: int | None = None
    waiting: dict[str, bool] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def order(self, order: agreed.ForkOrder, descriptors: tuple[int, ...]) -> None:
        """Order the fork of a tenant's process. Raises OSError when the zygote has ended."""
        agreed.send(self.channel, asdict(order), descriptors)

    def wait(self, tenant: str, *, for_jobs: bool) -> None:
        """Wake the tenant once the zygote has loaded. After a visit it stays awake longer than for a job."""
        self.waiting[tenant] = for_jobs and self.waiting.get(tenant, True)

    def became_ready(self, ready: agreed.Ready, handle: int) -> None:
        """handle: a pidfd of the zygote itself; the process we started may be bubblewrap's."""
        self.handle, self.is_ready, self.landlock_abi = handle, True, ready.landlock_abi
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

    def __init__(
        self,
        config: Config,
        log: Path,
        password_of: Callable[[str], str],
        on_channel: Callable[[Zygote], None],
    ) -> None:
        """on_channel: called with each new zygote, whose channel must be read from then on."""
        self._config = config
        self._on_channel = on_channel
        self._cgroups = cgroups.find(hashlib.sha256(config.home.encode()).hexdigest()[:12])
        if isinstance(self._cgroups, cgroups.Unavailable):
            _logger.warning("no limits by control groups: %s", self._cgroups.reason)
        self._log = log
        self._password_of = password_of
        self._running: dict[Key, Zygote] = {}
        self._failures: dict[Key, int] = {}
        self._paused_until: dict[Key, float] = {}
        self.databases: dict[Key, str] = {}
        """For each key the database to load the registry from, newest last. Other keys get no zygote."""

    def find_or_start(self, tenant: Tenant) -> Zygote:
        """The zygote of the tenant's template and version, or the plain one. Raises OSError."""
        for candidate in (tenant.entry.template, PLAIN):
            if candidate in self._running:
                return self._running[candidate]
            is_wanted = candidate == PLAIN or candidate in self.databases
            if is_wanted and self._may_start(candidate):
                return self._start(candidate)
        raise OSError("no zygote can be started at this moment")

    def start_ahead(self) -> None:
        """Start a zygote of a template's newest version, unless another one is loading. Raises OSError."""
        if not all(zygote.is_ready for zygote in self._running.values()):
            return
        newest = dict(self.databases.keys())
        missing = (key for key in newest.items() if key not in self._running and self._may_start(key))
        if (key := next(missing, None)) is not None:
            self._start(key)

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
        self._on_channel(zygote)
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

    def forget(self, launcher: Zygote) -> None:
        """Forget a zygote that has ended. If it never loaded, or ended soon, the next start is delayed."""
        zygote, key = launcher, launcher.key
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

    def follow_templates(self, databases: Mapping[Key, str]) -> list[Zygote]:
        """See `Launchers.follow_templates`; the plain zygote always stays."""
        self.databases = dict(databases)
        gone = [zygote for key, zygote in self._running.items() if key != PLAIN and key not in databases]
        for zygote in gone:
            del self._running[zygote.key]
        return gone

    # ------------------------------------------------------------ the processes that they fork

    def adapt(self, order: agreed.TenantOrder) -> agreed.TenantOrder:
        """A fork sees what we see."""
        return order

    def cancel(self, tenant: Tenant) -> None:
        """A zygote is for many tenants: there is nothing to end."""

    def adopt(self, tenant: Tenant) -> None:
        """It needs nothing."""

    def limit(self, tenant: Tenant) -> None:
        """See `Launchers.limit`: by a control group."""
        if self._cgroups and tenant.process:
            limits = self._config.limits.of(tenant.entry.label.limits)
            allowed = cgroups.Limits(limits.memory_bytes, limits.tasks)
            try:
                self._cgroups.place(tenant.name, tenant.process.pid, allowed)
            except ProcessLookupError:
                return
            except OSError as error:
                _logger.error("%s runs without its limits: %s", tenant.name, error)

    def describe(self, process: Process) -> dict[str, Any]:
        """All that is known of it stands in its tenant."""
        return {}

    def clean_up(self, tenant: Tenant) -> None:
        """Kill the processes that the tenant's process started and left behind."""
        if self._cgroups:
            if self._cgroups.killed(tenant.name):
                _logger.warning("%s used more memory than its limit, and was killed", tenant.name)
            with contextlib.suppress(TimeoutError):
                self._cgroups.remove(tenant.name)
        elif (user := tenant_user(tenant.entry.oid, self._config.users)) is not None:
            kill_orphans_of(user)

    def remove(self, tenant: Tenant, done: Callable[[], None]) -> None:
        """See `Launchers.remove`: a tenant had nothing here but its process."""
        done()

    def sweep(self) -> None:
        """Nothing outlives the zygotes but tenants' processes, which `Processes` knows."""

    def protections(self) -> dict[str, str]:
        """See `Launchers.protections`."""
        controls = self._cgroups
        return {
            "own user ids": "" if is_root() else "it was not started by root",
            "Landlock": "this kernel has none" if self._is_without_landlock else "",
            "control groups": controls.reason if isinstance(controls, cgroups.Unavailable) else "",
        }

    @property
    def _is_without_landlock(self) -> bool:
        """As a zygote reports it; False until the first zygote has loaded."""
        return any(zygote.landlock_abi == 0 for zygote in self._running.values())

    def end_all(self) -> None:
        for zygote in self._running.values():
            zygote.end()
        self._running.clear()


def _name_of(key: Key) -> str:
    return " ".join(key).strip() or "no template"
