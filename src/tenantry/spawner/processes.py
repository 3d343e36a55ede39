"""The tenants' processes: fork them on demand, limit them, and clean up after they end."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tenantry import agreed
from tenantry.agreed import Forked, ForkOrder, MailAccess, Ready, TenantOrder
from tenantry.model import keys
from tenantry.model.catalog import PROVIDED, Kind, State
from tenantry.model.secret import Secret
from tenantry.spawner import cgroups
from tenantry.spawner.catalog import Entry
from tenantry.spawner.config import Config, Limits
from tenantry.spawner.identity import chown_folders, is_root, kill_orphans_of, tenant_user
from tenantry.spawner.logfiles import rotated
from tenantry.spawner.loop import Loop
from tenantry.spawner.records import Records
from tenantry.spawner.tenants import Fork, Process, Tenant
from tenantry.spawner.zygotes import Zygote, Zygotes, pid_of

_logger = logging.getLogger(__name__)

_ENDS_WITHIN_S = 1.5
_RETRY_S = 1
_SHORT_LIFE_S = 1
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0


class Processes:
    """The processes of one spawner. on_end: called with a tenant and its process that has ended."""

    def __init__(self, loop: Loop, config: Config, on_end: Callable[[Tenant, Process], None]) -> None:
        self.config = config
        self.tenants: dict[str, Tenant] = {}
        self.ending: set[str] = set()
        """The names of tenants whose process was asked to end and still runs."""
        self.landlock_abi: int | None = None
        """As the zygotes report it; None until the first zygote has loaded."""
        self._loop = loop
        self._on_end = on_end
        self._cgroups = cgroups.find(hashlib.sha256(config.home.encode()).hexdigest()[:12])
        self._records = Records(Path(config.run) / "awake")
        self._found = self._records.running()
        self._logs = Path(config.logs) / "tenants"
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._zygotes = Zygotes(config, Path(config.logs) / "zygotes.log", self.password_of)
        self._serials = itertools.count(1)
        if isinstance(self._cgroups, cgroups.Unavailable):
            _logger.warning("no limits by control groups: %s", self._cgroups.reason)

    def password_of(self, role: str) -> str:
        return keys.instance_password(Secret(self.config.instances_key), role).reveal()

    def protections(self) -> dict[str, str]:
        """The protections between tenants, by name, each with the reason why it is missing, or ""."""
        controls = self._cgroups
        return {
            "own user ids": "" if is_root() else "it was not started by root",
            "Landlock": "" if self.landlock_abi != 0 else "this kernel has none",
            "control groups": controls.reason if isinstance(controls, cgroups.Unavailable) else "",
        }

    # ------------------------------------------------------------ waking

    def rearm(self, tenant: Tenant) -> None:
        """Let the next visitor wake a sleeping tenant; a visitor who is waiting already wakes it at once."""
        if tenant.listener is not None and tenant.is_asleep:
            self._loop.watch(tenant.listener, partial(self.wake, tenant))

    def wake(self, tenant: Tenant, *, for_jobs: bool = False) -> None:
        """Have the tenant's process forked, by the zygote of its template or by the plain one."""
        if tenant.listener is None or not tenant.is_asleep:
            return
        self._loop.unwatch(tenant.listener)
        try:
            folder = Path(self.config.filestores) / tenant.entry.folder
            chown_folders(folder, tenant_user(tenant.entry.oid, self.config.users))
            zygote = self._fitting_zygote(tenant.entry.template)
            if not zygote.is_ready:
                zygote.wait(tenant.name, for_jobs=for_jobs)
                return
            tenant.fork = self._new_fork(tenant, is_job=for_jobs)
        except OSError as error:
            _logger.error("%s cannot be woken: %s", tenant.name, error)
            self._loop.timers.after(_RETRY_S, partial(self.rearm, tenant))
            return
        tenant.update_board()
        if for_jobs:
            tenant.woken_for_job_at = time.monotonic()
        self._send_order(zygote, tenant, folder)

    def _send_order(self, zygote: Zygote, tenant: Tenant, folder: Path) -> None:
        """Send the order through a pipe that only the child reads: the order contains a password."""
        assert tenant.listener
        assert tenant.fork
        fork = tenant.fork
        try:
            os.write(fork.order_writer, self._order(tenant, folder).to_line())
            descriptors = (tenant.listener.fileno(), fork.log, fork.board.descriptor, fork.order_reader)
            zygote.order(ForkOrder(tenant.name, fork.serial), descriptors)
        except OSError:
            self._zygote_ended(zygote)

    def _new_fork(self, tenant: Tenant, *, is_job: bool) -> Fork:
        with contextlib.ExitStack() as opened:
            log = os.open(self._log_of(tenant.name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            opened.callback(os.close, log)
            board = self._records.board(tenant.name, anew=True)
            opened.callback(board.close)
            fork = Fork(next(self._serials), log, board, is_job, *os.pipe())
            opened.pop_all()
        return fork

    def _order(self, tenant: Tenant, folder: Path) -> TenantOrder:
        """The facts that this tenant's process needs, and no others."""
        assert tenant.fork
        user = tenant_user(tenant.entry.oid, self.config.users)
        return TenantOrder(
            name=tenant.name,
            password=self.password_of(tenant.name),
            uid=user,
            gid=user,
            folder=str(folder),
            readable=self.config.readable,
            public_key=self.config.public_key,
            identity=tenant.entry.label.identity_of(tenant.name),
            links_since=tenant.entry.label.links_since,
            is_provided=PROVIDED in tenant.entry.label.finished,
            is_for_jobs=tenant.fork.is_job,
            front=(self.config.front_host, self.config.front_port),
            mail=self._mail_access(tenant),
            limits=self._limits_of(tenant),
        )

    def _mail_access(self, tenant: Tenant) -> MailAccess | None:
        """The tenant's login at the mail relay, if there is one."""
        if not self.config.has_mail_server:
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
            self._limit(tenant)
            fork.confirm()
        fork.close()

    def _limits_of(self, tenant: Tenant) -> Limits:
        return self.config.limits.of(tenant.entry.label.limits)

    def _limit(self, tenant: Tenant) -> None:
        if self._cgroups and tenant.process:
            limits = self._limits_of(tenant)
            allowed = cgroups.Limits(limits.memory_bytes, limits.tasks)
            try:
                self._cgroups.place(tenant.name, tenant.process.pid, allowed)
            except ProcessLookupError:
                return
            except OSError as error:
                _logger.error("%s runs without its limits: %s", tenant.name, error)

    # ------------------------------------------------------------ zygotes

    def follow_templates(self, entries: Mapping[str, Entry]) -> None:
        """Read which template versions have a database for a zygote; end the zygotes of all others."""
        self._zygotes.databases = {
            entry.template: entry.database
            for entry in sorted(entries.values(), key=lambda entry: entry.oid)
            if entry.label.kind is Kind.ZYGOTE and entry.label.state is State.READY
        }
        for zygote in self._zygotes.remove_all_but(set(self._zygotes.databases)):
            self._loop.unwatch(zygote.channel)
            zygote.end()
            self._wake_waiting(zygote)
        self._start_zygote_ahead()

    def _start_zygote_ahead(self) -> None:
        try:
            zygote = self._zygotes.start_ahead()
        except OSError as error:
            _logger.error("a zygote cannot be started: %s", error)
            return
        if zygote is not None:
            self._loop.watch(zygote.channel, partial(self._read_zygote, zygote))

    def _fitting_zygote(self, template: tuple[str, str]) -> Zygote:
        zygote, is_new = self._zygotes.find_or_start(template)
        if is_new:
            self._loop.watch(zygote.channel, partial(self._read_zygote, zygote))
        return zygote

    def _read_zygote(self, zygote: Zygote) -> None:
        try:
            message, descriptors = agreed.receive(zygote.channel)
            if message is None:
                self._zygote_ended(zygote)
            elif not zygote.is_ready:
                self.landlock_abi = Ready(**message).landlock_abi
                zygote.became_ready(descriptors[0])
                self._wake_waiting(zygote)
                self._start_zygote_ahead()
            else:
                self._forked(Forked(**message), descriptors[0])
        except OSError:
            self._zygote_ended(zygote)

    def _zygote_ended(self, zygote: Zygote) -> None:
        """A zygote has ended by itself: wake waiting tenants by another one. Its children continue."""
        self._loop.unwatch(zygote.channel)
        self._zygotes.forget(zygote)
        for tenant in self.tenants.values():
            if tenant.fork:
                tenant.fork.cancel()
                tenant.fork = None
                self.rearm(tenant)
        self._wake_waiting(zygote)

    def _wake_waiting(self, zygote: Zygote) -> None:
        waiting, zygote.waiting = zygote.waiting, {}
        for name, for_jobs in waiting.items():
            tenant = self.tenants.get(name)
            if tenant is not None:
                self.wake(tenant, for_jobs=for_jobs)

    # ------------------------------------------------------------ ending

    def end(self, tenant: Tenant) -> None:
        """Ask the tenant's process to end, if there is one. Its name is in `ending` until it has ended."""
        if tenant.fork:
            tenant.fork.cancel()
            tenant.fork = None
            self.rearm(tenant)
        if tenant.process:
            tenant.process.terminate()
            self.ending.add(tenant.name)
            self._loop.timers.after(_ENDS_WITHIN_S, tenant.process.kill)

    def _ended(self, tenant: Tenant) -> None:
        """The tenant's process has ended, by itself or because we asked it to."""
        process, tenant.process = tenant.process, None
        assert process
        self._loop.unwatch(process.handle)
        self._rearm_after(tenant, process)
        process.close()
        self._end_descendants(tenant)
        self._records.forget(tenant.name)
        self.ending.discard(tenant.name)
        self._on_end(tenant, process)

    def _end_descendants(self, tenant: Tenant) -> None:
        """Kill the processes that the tenant's process started and left behind."""
        if self._cgroups:
            if self._cgroups.killed(tenant.name):
                _logger.warning("%s used more memory than its limit, and was killed", tenant.name)
            with contextlib.suppress(TimeoutError):
                self._cgroups.remove(tenant.name)
        elif (user := tenant_user(tenant.entry.oid, self.config.users)) is not None:
            kill_orphans_of(user)

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
            self._end_descendants(tenant)
            self._records.forget(tenant.name)
        self._zygotes.end_all()

    # ------------------------------------------------------------ processes of the previous spawner

    def adopt(self, tenant: Tenant) -> None:
        """Take over the tenant's running process, unless it belongs to a former database of that name."""
        oid, process = self._found.pop(tenant.name, (0, None))
        if process is None:
            return
        tenant.process = process
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

    # ------------------------------------------------------------ logs

    def forget(self, tenant: Tenant) -> None:
        """Remove a former tenant's logs: a later tenant of the same name must not read them."""
        for file in (self._log_of(tenant.name), rotated(self._log_of(tenant.name))):
            file.unlink(missing_ok=True)

    def _log_of(self, name: str) -> Path:
        return self._logs / f"{name}.log"
