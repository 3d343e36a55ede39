"""The tenants' processes: fork them on demand, limit them, and clean up after they end."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tenantry import agreed
from tenantry.agreed import Field, Forked, ForkOrder, MailAccess, Ready, TenantOrder
from tenantry.model import keys
from tenantry.model.catalog import PROVIDED, Kind, State
from tenantry.model.secret import Secret
from tenantry.spawner.catalog import Entry
from tenantry.spawner.config import Config, Limits
from tenantry.spawner.identity import chown_folders, tenant_user
from tenantry.spawner.launchers import Launcher, Launchers, StartsLater
from tenantry.spawner.logfiles import rotated
from tenantry.spawner.loop import Loop
from tenantry.spawner.records import Records
from tenantry.spawner.tenants import Fork, Process, Tenant, pid_of
from tenantry.spawner.zygotes import Zygotes

_logger = logging.getLogger(__name__)

_ENDS_WITHIN_S = 1.5
_RETIRES_WITHIN_S = 65
_FINISHES_WITHIN_S = 4
_RETRY_S = 1
_SHORT_LIFE_S = 1
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0


class Processes:
    """The processes of one spawner.

    on_end: called with a tenant and its process that has ended. on_removed: called after a former tenant's
    last things were removed.
    """

    def __init__(
        self,
        loop: Loop,
        config: Config,
        on_end: Callable[[Tenant, Process], None],
        on_removed: Callable[[], None],
    ) -> None:
        self.config = config
        self.tenants: dict[str, Tenant] = {}
        self._ending: set[str] = set()
        self._removing: set[tuple[str, int]] = set()
        self._loop = loop
        self._on_end = on_end
        self._on_removed = on_removed
        self._records = Records(Path(config.run) / "awake")
        self._found = self._records.running()
        self._logs = Path(config.logs) / "tenants"
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._launchers = self._find_launchers()
        self._serials = itertools.count(1)
        self._is_swept = False

    def _find_launchers(self) -> Launchers[Any]:
        """What starts tenants' processes here."""
        config = self.config
        if config.containers:
            from tenantry.spawner.containers import Containers

            return Containers(self._loop, config, self)
        return Zygotes(config, Path(config.logs) / "zygotes.log", self.password_of, self.watch)

    def password_of(self, role: str) -> str:
        return keys.instance_password(Secret(self.config.instances_key), role).reveal()

    def protections(self) -> dict[str, str]:
        """See `Launchers.protections`."""
        return self._launchers.protections()

    # ------------------------------------------------------------ waking

    def rearm(self, tenant: Tenant) -> None:
        """Let the next visitor wake a sleeping tenant; a visitor who is waiting already wakes it at once.

        A tenant that never sleeps is woken without a visitor.
        """
        if tenant.entry.is_served and tenant.listener is not None and tenant.is_asleep:
            if not self._limits_of(tenant).idle_s:
                self.wake(tenant)
                return
            self._loop.watch(tenant.listener, partial(self.wake, tenant))

    def wake(self, tenant: Tenant, *, for_jobs: bool = False) -> None:
        """Have the tenant's process started by its launcher."""
        if tenant.listener is None or not (tenant.entry.is_served and tenant.is_asleep):
            return
        self._loop.unwatch(tenant.listener)
        try:
            chown_folders(self._folder_of(tenant), tenant_user(tenant.entry.oid, self.config.users))
            launcher = self._launchers.find_or_start(tenant)
            if not launcher.is_ready:
                launcher.wait(tenant.name, for_jobs=for_jobs)
                return
            tenant.fork = self.new_fork(tenant, launcher, is_job=for_jobs)
        except StartsLater as later:
            self._loop.timers.after(later.after_s, partial(self._try_again, tenant, for_jobs=for_jobs))
            return
        except OSError as error:
            _logger.error("%s cannot be woken: %s", tenant.name, error)
            self._loop.timers.after(_RETRY_S, partial(self._try_again, tenant, for_jobs=for_jobs))
            return
        tenant.update_board()
        try:
            self.send_order(tenant, tenant.fork)
        except OSError:
            self.launcher_ended(launcher)

    def prepare(self, tenant: Tenant) -> None:
        """Start what will start the tenant's process, if it will be woken soon."""
        try:
            self._launchers.find_or_start(tenant)
        except OSError as error:
            _logger.warning("nothing is started ahead of %s: %s", tenant.name, error)

    def _try_again(self, tenant: Tenant, *, for_jobs: bool) -> None:
        """Let a visitor wake it; its jobs, which are due, do not wait for one."""
        self.rearm(tenant)
        if for_jobs:
            self.wake(tenant, for_jobs=True)

    def send_order(self, tenant: Tenant, fork: Fork, *, is_successor: bool = False) -> None:
        """Send the order through a pipe that only the child reads: it contains a password. Raises OSError."""
        assert tenant.listener
        order = replace(self._order(tenant, fork), is_successor=is_successor)
        os.write(fork.order_writer, self._launchers.adapt(order).to_line())
        descriptors = (tenant.listener.fileno(), fork.log, fork.board.descriptor, fork.order_reader)
        fork.launcher.order(ForkOrder(tenant.name, fork.serial), descriptors)

    def _folder_of(self, tenant: Tenant) -> Path:
        return Path(self.config.filestores) / tenant.entry.folder

    def new_fork(
        self, tenant: Tenant, launcher: Launcher, *, is_job: bool = False, is_successor: bool = False
    ) -> Fork:
        """Raises OSError."""
        with contextlib.ExitStack() as opened:
            log = os.open(self._log_of(tenant.name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            opened.callback(os.close, log)
            board = self._records.board(tenant.name, anew=True, is_successors=is_successor)
            opened.callback(board.close)
            fork = Fork(next(self._serials), launcher, log, board, is_job, *os.pipe())
            opened.pop_all()
        return fork

    def _order(self, tenant: Tenant, fork: Fork) -> TenantOrder:
        """The facts that this tenant's process needs, and no others."""
        user = tenant_user(tenant.entry.oid, self.config.users)
        return TenantOrder(
            name=tenant.name,
            password=self.password_of(tenant.name),
            uid=user,
            gid=user,
            folder=str(self._folder_of(tenant)),
            readable=self.config.readable,
            public_key=self.config.public_key,
            identity=tenant.entry.label.identity_of(tenant.name),
            links_since=tenant.entry.label.links_since,
            is_provided=PROVIDED in tenant.entry.label.finished,
            is_for_jobs=fork.is_job,
            front=(self.config.front_host, self.config.front_port),
            mail=self._mail_access(tenant),
            limits=self._limits_of(tenant),
        )

    def _mail_access(self, tenant: Tenant) -> MailAccess | None:
        """The tenant's login at the mail relay, if there is one; a copy sends no mails."""
        if not self.config.has_mail_server or tenant.entry.label.copy_of:
            return None
        login = keys.mail_login(tenant.name, tenant.entry.oid)
        key = keys.mail_key(Secret(self.config.instances_key))
        return MailAccess(
            host="127.0.0.1",
            port=self.config.mail_port,
            user=login,
            password=keys.mail_password(key, login).reveal(),
        )

    def _forked(self, forked: Forked, handle: int) -> None:
        """Handle a zygote's answer. A process that is no longer wanted is killed."""
        tenant = self.tenants.get(forked.name)
        if tenant is None or tenant.fork is None or tenant.fork.serial != forked.serial:
            unwanted = Process(pid_of(handle), handle, self._records.board(forked.name, anew=False))
            unwanted.kill()
            unwanted.close()
            return
        fork, tenant.fork = tenant.fork, None
        tenant.process = Process(pid_of(handle), handle, fork.board, fork.is_job)
        self._loop.watch(handle, partial(self._ended, tenant))
        try:
            self._records.note(tenant)
        except OSError as error:
            _logger.error("the process of %s cannot be recorded, so it ends: %s", tenant.name, error)
        else:
            self._launchers.limit(tenant)
            fork.confirm()
        fork.close()

    def _limits_of(self, tenant: Tenant) -> Limits:
        return self.config.limits.of(tenant.entry.label.limits)

    def describe(self, tenant: Tenant) -> dict[str, Any]:
        """The facts of `model.activity.Activity`."""
        more = self._launchers.describe(tenant.process) if tenant.process else {}
        return {**tenant.describe(), **more}

    # ------------------------------------------------------------ launchers

    def follow_templates(self, entries: Mapping[str, Entry]) -> None:
        """Read which template versions have a database for a zygote; end the zygotes of all others."""
        databases = {
            entry.template: entry.database
            for entry in sorted(entries.values(), key=lambda entry: entry.oid)
            if entry.label.kind is Kind.ZYGOTE and entry.label.state is State.READY
        }
        for launcher in self._launchers.follow_templates(databases):
            self._unwatch(launcher)
            launcher.end()
            self._wake_waiting(launcher)
        self._start_ahead()

    def _start_ahead(self) -> None:
        try:
            self._launchers.start_ahead()
        except OSError as error:
            _logger.error("a zygote cannot be started: %s", error)

    def watch(self, launcher: Launcher) -> None:
        assert launcher.channel
        self._loop.watch(launcher.channel, partial(self._read_launcher, launcher))

    def _unwatch(self, launcher: Launcher) -> None:
        if launcher.channel is not None:
            self._loop.unwatch(launcher.channel)

    def _read_launcher(self, launcher: Launcher) -> None:
        assert launcher.channel
        try:
            message, descriptors = agreed.receive(launcher.channel)
            if message is None:
                self.launcher_ended(launcher)
            elif not launcher.is_ready:
                launcher.became_ready(Ready(**message), agreed.first_of(descriptors))
                self._wake_waiting(launcher)
                self._start_ahead()
            else:
                self._forked(Forked(**message), agreed.first_of(descriptors))
        except OSError:
            self.launcher_ended(launcher)

    def launcher_ended(self, launcher: Launcher) -> None:
        """A launcher has ended by itself: wake waiting tenants by another one. Its processes continue."""
        self._unwatch(launcher)
        self._launchers.forget(launcher)
        for tenant in self.tenants.values():
            if tenant.fork and tenant.fork.launcher is launcher:
                fork, tenant.fork = tenant.fork, None
                fork.cancel()
                self._try_again(tenant, for_jobs=fork.is_job)
        self._wake_waiting(launcher)

    def _wake_waiting(self, launcher: Launcher) -> None:
        waiting, launcher.waiting = launcher.waiting, {}
        for name, for_jobs in waiting.items():
            tenant = self.tenants.get(name)
            if tenant is not None:
                self.wake(tenant, for_jobs=for_jobs)

    # ------------------------------------------------------------ ending

    def finish(self, tenant: Tenant) -> None:
        """End the tenant's process as `end` does, but let it answer the requests that it has."""
        if tenant.process:
            tenant.process.board[Field.IS_RETIRED] = 1
        self.end(tenant, within_s=_FINISHES_WITHIN_S)

    def end(self, tenant: Tenant, within_s: float = _ENDS_WITHIN_S) -> None:
        """Ask the tenant's process to end, if there is one. It is not settled until that has ended."""
        self._launchers.cancel(tenant)
        if tenant.fork:
            tenant.fork.cancel()
            tenant.fork = None
            self.rearm(tenant)
        for former in tenant.retired:
            former.kill()
        if tenant.process:
            tenant.process.terminate()
            self._ending.add(tenant.name)
            self._loop.timers.after(within_s, tenant.process.kill)

    def hand_over(self, tenant: Tenant, successor: Process) -> None:
        """Let another process serve the tenant. The former one ends after its last requests.

        Raises OSError, and changes nothing then.
        """
        former, tenant.process = tenant.process, successor
        assert former
        try:
            self._records.promote(tenant)
        except OSError:
            tenant.process = former
            raise
        self._loop.unwatch(former.handle)
        self._loop.watch(successor.handle, partial(self._ended, tenant))
        tenant.retired.append(former)
        self._loop.watch(former.handle, partial(self._retired, tenant, former))
        former.board[Field.IS_RETIRED] = 1
        former.terminate()
        self._loop.timers.after(_RETIRES_WITHIN_S, former.kill)

    def _retired(self, tenant: Tenant, former: Process) -> None:
        self._loop.unwatch(former.handle)
        tenant.retired.remove(former)
        former.close()
        self._launchers.clean_up(tenant)

    def _ended(self, tenant: Tenant) -> None:
        """The tenant's process has ended, by itself or because we asked it to."""
        process, tenant.process = tenant.process, None
        assert process
        self._loop.unwatch(process.handle)
        self._rearm_after(tenant, process)
        process.close()
        self._launchers.clean_up(tenant)
        self._records.forget(tenant.name)
        self._ending.discard(tenant.name)
        self._on_end(tenant, process)

    def _rearm_after(self, tenant: Tenant, process: Process) -> None:
        """Let visitors wake the tenant again; after a failure only after a pause, which doubles each time."""
        lived_s = time.time() - process.since
        is_short = lived_s < _SHORT_LIFE_S and not (process.is_terminated or process.is_job)
        is_failure = is_short or process.is_broken
        tenant.failures = tenant.failures + 1 if is_failure else 0
        if not is_failure:
            self.rearm(tenant)
            return
        pause_s = min(_FIRST_PAUSE_S * 2 ** (tenant.failures - 1), _LONGEST_PAUSE_S)
        _logger.warning("%s ended after %.1f s; the next start is in %.1f s", tenant.name, lived_s, pause_s)
        self._loop.timers.after(pause_s, partial(self.rearm, tenant))

    def stop(self, *, with_tenants: bool) -> None:
        """End the zygotes. with_tenants: end the tenants' processes, too."""
        awake = [tenant for tenant in self.tenants.values() if tenant.process] if with_tenants else []
        for tenant in awake:
            self.end(tenant)
        deadline = time.monotonic() + _ENDS_WITHIN_S
        while time.monotonic() < deadline and not all(t.process.has_ended for t in awake if t.process):
            time.sleep(0.02)
        for tenant in awake:
            if tenant.process:
                tenant.process.kill()
            self._launchers.clean_up(tenant)
            self._records.forget(tenant.name)
        self._launchers.end_all()

    # ------------------------------------------------------------ processes of the previous spawner

    def adopt(self, tenant: Tenant) -> None:
        """Take over the tenant's running process, unless it belongs to a former database of that name."""
        oid, process = self._found.pop(tenant.name, (0, None))
        if process is None:
            return
        tenant.process = process
        self._launchers.adopt(tenant)
        self._loop.watch(process.handle, partial(self._ended, tenant))
        if oid != tenant.entry.oid:
            self.end(tenant)

    def end_orphans(self) -> None:
        """Kill the processes of tenants that do not exist any more."""
        for name, (_oid, process) in self._found.items():
            process.kill()
            process.close()
            self._records.forget(name)
        self._found.clear()
        if not self._is_swept:
            self._is_swept = True
            self._launchers.sweep()

    # ------------------------------------------------------------ removing

    def forget(self, tenant: Tenant) -> None:
        """Remove a former tenant's container, and its logs: a later tenant of the name must not read them.

        It is not settled until that is done.
        """
        self._removing.add((tenant.name, tenant.entry.oid))
        self._launchers.remove(tenant, partial(self._removed, tenant))
        for file in (self._log_of(tenant.name), rotated(self._log_of(tenant.name))):
            file.unlink(missing_ok=True)

    def _removed(self, tenant: Tenant) -> None:
        self._removing.discard((tenant.name, tenant.entry.oid))
        self._on_removed()

    def are_settled(self, names: Collection[str]) -> bool:
        """Whether no process of these tenants is ending, and nothing of a former one is being removed."""
        unsettled = self._ending | {name for name, _oid in self._removing}
        return unsettled.isdisjoint(names)

    def _log_of(self, name: str) -> Path:
        return self._logs / f"{name}.log"
