"""The spawner's loop: one thread that waits for visitors, processes, zygotes and the catalog."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import os
import resource
import selectors
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from tenantry.model.catalog import Kind, State
from tenantry.model.keys import instance_password
from tenantry.model.secret import Secret
from tenantry.spawner import cgroups, control
from tenantry.spawner import channel as channels
from tenantry.spawner.catalog import Catalog, Entry
from tenantry.spawner.config import Config
from tenantry.spawner.dues import Dues
from tenantry.spawner.hosts import Hosts
from tenantry.spawner.identity import hand_over, kill_all_of, tenant_user
from tenantry.spawner.tenants import Process, Records, Tenant
from tenantry.spawner.timers import Timers
from tenantry.spawner.zygotes import Zygote, Zygotes, close, pid_of

_logger = logging.getLogger(__name__)

CONTROL_FILE = "spawner.sock"
_ENDS_WITHIN_S = 1.5
_JOBS_AT_ONCE = max(4, 2 * (os.cpu_count() or 1))
_JOB_PAUSE_S = 60
_ASK_AGAIN_S = 300
_RETRY_CATALOG_S = 1
_LOOK_EVERY_S = 10
_LOG_BYTES = 10 * 2**20
_MARKERS = {State.SUSPENDED: ".suspended", State.STOPPED: ".stopped"}


class Spawner:
    """One server's. Everything happens in `run`."""

    def __init__(self, config: Config, store: socket.socket | None = None) -> None:
        self.config = config
        run = Path(config.run)
        self.cgroups = cgroups.find(hashlib.sha256(config.home.encode()).hexdigest()[:12])
        self.selector = selectors.DefaultSelector()
        self.timers = Timers()
        self.hosts = Hosts(Path(config.hosts), store)
        self.records = Records(run / "awake")
        self.catalog = Catalog(config.address, config.catalog_user, config.catalog_password)
        self.zygotes = Zygotes(config, Path(config.logs) / "zygotes.log", self._password)
        self.dues = Dues(config.address, self._password)
        self.control = control.Server(run / CONTROL_FILE)
        self.tenants: dict[str, Tenant] = {}
        self.found = self.records.noted()
        self._serials = itertools.count(1)
        self._watched_catalog: int | None = None
        self._waiting_jobs: list[str] = []
        self._settling: list[tuple[set[str], Callable[[], None]]] = []
        self._ending: list[Tenant] = []
        self.is_running = True
        self.ends_tenants = False

    # ------------------------------------------------------------ the loop

    def run(self) -> None:
        """Until it is told to end."""
        self.watch(self.control.listener, self._accept_question)
        self.watch(self.dues.fileno(), self._hear_dues)
        self._look_at_catalog()
        self._housekeeping()
        while self.is_running:
            for key, _events in self.selector.select(self.timers.wait_s):
                if key.fd in self.selector.get_map():
                    key.data()
            self.timers.run_due()
        self._stop()

    def end(self, *, with_tenants: bool) -> None:
        """Safe in a signal handler: the loop sees it at its next turn."""
        self.is_running, self.ends_tenants = False, with_tenants

    def _stop(self) -> None:
        processes = [tenant.process for tenant in self.tenants.values() if tenant.process]
        if self.ends_tenants:
            for process in processes:
                process.tell_to_end(_ENDS_WITHIN_S)
            deadline = time.monotonic() + _ENDS_WITHIN_S
            while time.monotonic() < deadline and not all(process.has_ended for process in processes):
                time.sleep(0.02)
            for process in processes:
                process.end_now()
            for tenant in self.tenants.values():
                self.records.forget(tenant.name)
                if tenant.process:
                    self._end_the_rest(tenant)
        self.zygotes.end_all()
        self.dues.close()
        self.control.close()

    def watch(self, source: socket.socket | int, action: Callable[[], None]) -> None:
        self.selector.register(source, selectors.EVENT_READ, action)

    def _unwatch(self, source: socket.socket | int) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(source)

    def _password(self, role: str) -> str:
        return instance_password(Secret(self.config.instances_key), role).reveal()

    # ------------------------------------------------------------ the catalog

    def _look_at_catalog(self) -> None:
        try:
            changed = self.catalog.poll()
        except (psycopg.Error, OSError) as error:
            self._lost_catalog(error)
            return
        self._follow_catalog()
        self._apply(changed)

    def _follow_catalog(self) -> None:
        descriptor = self.catalog.fileno()
        if descriptor != self._watched_catalog:
            if self._watched_catalog is not None:
                self._unwatch(self._watched_catalog)
            self._watched_catalog = descriptor
            if descriptor is not None:
                self.watch(descriptor, self._look_at_catalog)

    def _lost_catalog(self, error: Exception) -> None:
        _logger.warning("the catalog cannot be read: %s", str(error).strip())
        if self._watched_catalog is not None:
            self._unwatch(self._watched_catalog)
            self._watched_catalog = None
        self.catalog.forget_connection()
        self.timers.after(_RETRY_CATALOG_S, self._look_at_catalog)

    def _apply(self, changed: dict[str, Entry | None]) -> None:
        """Bring sockets, markers and processes to what the labels say."""
        self.zygotes.databases = {
            entry.template: entry.database
            for entry in self.catalog.entries.values()
            if entry.label.kind is Kind.ZYGOTE and entry.label.state is State.READY
        }
        for zygote in self.zygotes.end_those_without(set(self.zygotes.databases)):
            self._forget_zygote(zygote)
        for name, entry in changed.items():
            if entry is None or entry.label.kind is not Kind.ZYGOTE:
                self._apply_one(name, entry)
        if self.found:
            self._end_strays()

    def _apply_one(self, name: str, entry: Entry | None) -> None:
        tenant = self.tenants.get(name)
        if tenant and (entry is None or entry.oid != tenant.entry.oid):
            self._close(tenant)
            tenant = None
        if entry is None or entry.label.state is State.TERMINATING:
            if tenant:
                self._close(tenant)
            return
        if tenant is None:
            tenant = self.tenants[name] = Tenant(entry, f"{name}.{self.config.base_domain}")
            self._adopt(tenant)
        had_crons, tenant.entry = tenant.entry.has_crons, entry
        tenant.tell()
        if entry.is_served:
            self._open(tenant)
            if entry.has_crons and tenant.is_asleep and (tenant.due_at is None or not had_crons):
                self.dues.ask(name)
        else:
            self._block(tenant)

    def _open(self, tenant: Tenant) -> None:
        """Its hosts lead to it from now on."""
        if tenant.listener is None:
            tenant.listener, is_known = self.hosts.listen(tenant.host)
            if tenant.is_asleep:
                self.watch(tenant.listener, partial(self._wake, tenant))
            elif not is_known:
                # Its process listens where nobody comes any more.
                self._end_process(tenant)
        wanted = tenant.entry.label.hostnames
        for host in set(tenant.links) - set(wanted):
            self.hosts.forget(host)
        for host in wanted:
            self.hosts.link(host, tenant.host)
        tenant.links = wanted

    def _block(self, tenant: Tenant) -> None:
        """Nobody reaches it, and nothing of it runs on."""
        marker = _MARKERS.get(tenant.entry.label.state, ".preparing")
        wanted = tenant.entry.label.hostnames
        for host in {tenant.host, *wanted}:
            self.hosts.mark(host, marker)
        for host in set(tenant.links) - set(wanted):
            self.hosts.forget(host)
        tenant.links = wanted
        self._shut(tenant)

    def _close(self, tenant: Tenant) -> None:
        """It is gone, or another database has its name."""
        for host in {tenant.host, *tenant.links}:
            self.hosts.forget(host)
        self._shut(tenant)
        self.tenants.pop(tenant.name, None)
        if tenant.is_asleep:
            self.records.forget(tenant.name)

    def _shut(self, tenant: Tenant) -> None:
        if tenant.listener is not None:
            self._unwatch(tenant.listener)
            tenant.listener.close()
            tenant.listener = None
        tenant.due_at = None
        self._end_process(tenant)

    # ------------------------------------------------------------ waking

    def _wake(self, tenant: Tenant, *, for_jobs: bool = False) -> None:
        """Somebody waits at its socket, or one of its jobs is due: have its process forked."""
        if tenant.listener is None or not tenant.is_asleep:
            return
        self._unwatch(tenant.listener)
        try:
            folder = Path(self.config.filestores) / tenant.entry.folder
            user = tenant_user(tenant.entry.oid)
            hand_over(folder, user)
            log = self._open_log(tenant.name)
            board = self.records.board(tenant.name, anew=True)
            zygote, is_new = self.zygotes.fitting(tenant.entry.template)
        except OSError as error:
            _logger.error("%s cannot be woken: %s", tenant.name, error)
            self.timers.after(_RETRY_CATALOG_S, partial(self._rearm, tenant))
            return
        if is_new:
            self.watch(zygote.channel, partial(self._hear_zygote, zygote))
        tenant.forking, tenant.resources = next(self._serials), (log, board)
        tenant.tell()
        if for_jobs:
            tenant.woken_for_job_at = time.monotonic()
        order = self._order(tenant, folder, user, for_jobs=for_jobs)
        try:
            zygote.order(order, (tenant.listener.fileno(), log, board.descriptor))
        except OSError:
            self._lost_zygote(zygote)

    def _order(self, tenant: Tenant, folder: Path, user: int | None, *, for_jobs: bool) -> dict[str, Any]:
        limits = self.config.limits
        return {
            "name": tenant.name,
            "serial": tenant.forking,
            "password": self._password(tenant.name),
            "uid": user,
            "gid": user,
            "folder": str(folder),
            "readable": list(self.config.readable),
            "public_key": self.config.public_key,
            "has_crons": tenant.entry.has_crons,
            "is_for_jobs": for_jobs,
            "limits": vars(limits),
        }

    def _open_log(self, name: str) -> int:
        folder = Path(self.config.logs) / "tenants"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _hear_zygote(self, zygote: Zygote) -> None:
        try:
            message, descriptors = channels.receive(zygote.channel)
            if message is None:
                self._lost_zygote(zygote)
            elif message.get("ready"):
                zygote.became_ready()
                took_s = time.monotonic() - zygote.began
                _logger.info("zygote of %s is ready after %.2f s", zygote.key, took_s)
            elif "forked" in message:
                self._born(str(message["forked"]), message.get("serial"), descriptors)
        except OSError:
            self._lost_zygote(zygote)

    def _born(self, name: str, serial: int | None, descriptors: list[int]) -> None:
        tenant = self.tenants.get(name)
        handle = descriptors[0]
        if tenant is None or tenant.forking != serial or tenant.resources is None:
            Process(pid_of(handle), handle, self.records.board(name, anew=False)).end_now()
            return
        log, board = tenant.resources
        close(log)
        tenant.forking = tenant.resources = None
        is_job = tenant.woken_for_job_at > time.monotonic() - 1
        tenant.process = Process(pid_of(handle), handle, board, is_job)
        self.records.note(tenant)
        self._limit(tenant)
        self.watch(handle, partial(self._ended, tenant))
        if tenant.listener is None:
            self._end_process(tenant)

    def _limit(self, tenant: Tenant) -> None:
        if self.cgroups and tenant.process:
            limits = self.config.limits
            with contextlib.suppress(ProcessLookupError):
                allowed = cgroups.Limits(limits.memory_bytes, limits.tasks)
                self.cgroups.place(tenant.name, tenant.process.pid, allowed)

    def _end_the_rest(self, tenant: Tenant) -> None:
        """What its process started and left behind ends, too."""
        if self.cgroups:
            if self.cgroups.killed(tenant.name):
                _logger.warning("%s wanted more memory than it may use, and was ended", tenant.name)
            with contextlib.suppress(TimeoutError):
                self.cgroups.remove(tenant.name)
        elif (user := tenant_user(tenant.entry.oid)) is not None:
            kill_all_of(user)

    def _lost_zygote(self, zygote: Zygote) -> None:
        """It has ended by itself; who waited for it is woken by another."""
        self._unwatch(zygote.channel)
        self.zygotes.lost(zygote)
        for tenant in list(self.tenants.values()):
            if tenant.forking is not None:
                self._forget_fork(tenant)
                self._rearm(tenant)

    def _forget_zygote(self, zygote: Zygote) -> None:
        self._unwatch(zygote.channel)
        zygote.end()

    def _forget_fork(self, tenant: Tenant) -> None:
        if tenant.resources:
            close(tenant.resources[0])
            tenant.resources[1].close()
        tenant.forking = tenant.resources = None

    def _rearm(self, tenant: Tenant) -> None:
        """It sleeps: the next connection wakes it, one that waits already at once."""
        if tenant.listener is not None and tenant.is_asleep:
            with contextlib.suppress(KeyError):
                self.watch(tenant.listener, partial(self._wake, tenant))

    # ------------------------------------------------------------ ending

    def _end_process(self, tenant: Tenant) -> None:
        if tenant.forking is not None:
            self._forget_fork(tenant)
        if tenant.process:
            tenant.process.tell_to_end(_ENDS_WITHIN_S)
            self.timers.after(_ENDS_WITHIN_S, tenant.process.end_now)
            if tenant not in self._ending:
                self._ending.append(tenant)

    def _ended(self, tenant: Tenant) -> None:
        """Its process is gone, by itself or because it was told to."""
        process = tenant.process
        assert process
        self._unwatch(process.handle)
        lived_s = time.time() - process.since
        process.close()
        self._end_the_rest(tenant)
        tenant.process = None
        self.records.forget(tenant.name)
        if tenant in self._ending:
            self._ending.remove(tenant)
        self._settle()
        if process.is_job:
            self._start_waiting_job()
        if self.tenants.get(tenant.name) is not tenant or tenant.listener is None:
            return
        failed = lived_s < 1 and process.ends_by is None and not process.is_job
        tenant.short_lives = tenant.short_lives + 1 if failed else 0
        pause_s = min(0.1 * 2 ** (tenant.short_lives - 1), 10) if tenant.short_lives else 0
        if pause_s:
            _logger.warning("%s ended after %.1f s; it rests for %.1f s", tenant.name, lived_s, pause_s)
            self.timers.after(pause_s, partial(self._rearm, tenant))
        else:
            self._rearm(tenant)
        if tenant.entry.has_crons:
            self.dues.ask(tenant.name)

    def _adopt(self, tenant: Tenant) -> None:
        """Take over the process that a spawner before left running, with the socket it listens at."""
        oid, process = self.found.pop(tenant.name, (0, None))
        if process is None:
            return
        tenant.process = process
        self.watch(process.handle, partial(self._ended, tenant))
        if oid != tenant.entry.oid:
            self._end_process(tenant)

    def _end_strays(self) -> None:
        for name, (_oid, process) in self.found.items():
            process.end_now()
            process.close()
            self.records.forget(name)
        self.found.clear()

    # ------------------------------------------------------------ scheduled jobs

    def _hear_dues(self) -> None:
        now = time.monotonic()
        for name, due_s in self.dues.answers():
            tenant = self.tenants.get(name)
            if tenant is None or not tenant.entry.has_crons:
                continue
            due_at = now + (_ASK_AGAIN_S if due_s is None else max(due_s, 0))
            tenant.due_at = max(due_at, tenant.woken_for_job_at + _JOB_PAUSE_S)
            self.timers.at(tenant.due_at, partial(self._job_is_due, tenant, tenant.due_at))

    def _job_is_due(self, tenant: Tenant, due_at: float) -> None:
        is_current = self.tenants.get(tenant.name) is tenant and tenant.due_at == due_at
        if not (is_current and tenant.is_asleep):
            return
        if self._jobs_running() < _JOBS_AT_ONCE:
            self._wake(tenant, for_jobs=True)
        else:
            self._waiting_jobs.append(tenant.name)

    def _jobs_running(self) -> int:
        return sum(1 for t in self.tenants.values() if t.process and t.process.is_job)

    def _start_waiting_job(self) -> None:
        while self._waiting_jobs:
            tenant = self.tenants.get(self._waiting_jobs.pop(0))
            if tenant and tenant.is_asleep and tenant.due_at is not None:
                self._wake(tenant, for_jobs=True)
                return

    # ------------------------------------------------------------ questions

    def _accept_question(self) -> None:
        client = self.control.accept()
        if client is not None:
            self.watch(client, partial(self._hear_question, client))

    def _hear_question(self, client: socket.socket) -> None:
        try:
            question = self.control.hear(client)
        except EOFError:
            self._unwatch(client)
            self.control.drop(client)
            return
        if question is None:
            return
        names = {str(name) for name in question.get("names", ())}
        match question.get("do"):
            case "look":
                self._look(names, partial(self.control.answer, client, {"ok": True}))
            case "end":
                for name in names & self.tenants.keys():
                    self._end_process(self.tenants[name])
                self._when_settled(names, partial(self.control.answer, client, {"ok": True}))
            case "ps":
                tenants = [t.describe() for t in self.tenants.values()]
                self.control.answer(client, {"ok": True, "tenants": tenants})
            case _:
                self.control.answer(client, {"ok": False, "error": "it does not know that question"})

    def _look(self, names: set[str], answer: Callable[[], None]) -> None:
        """Read these labels now; answer when all they say is so."""
        try:
            changed = self.catalog.read(names)
        except (psycopg.Error, OSError) as error:
            self._lost_catalog(error)
        else:
            self._follow_catalog()
            self._apply(changed)
        self._when_settled(names, answer)

    def _when_settled(self, names: set[str], answer: Callable[[], None]) -> None:
        self._settling.append((names, answer))
        self._settle()

    def _settle(self) -> None:
        ending = {tenant.name for tenant in self._ending}
        still = [(names, answer) for names, answer in self._settling if names & ending]
        done = [answer for names, answer in self._settling if not names & ending]
        self._settling = still
        for answer in done:
            answer()

    # ------------------------------------------------------------ now and then

    def _housekeeping(self) -> None:
        self.timers.after(_LOOK_EVERY_S, self._housekeeping)
        if self._watched_catalog is not None:
            self._look_at_catalog()
        if self.catalog.is_known:
            known = {host for t in self.tenants.values() for host in (t.host, *t.links)}
            self.hosts.keep_only(known)
        for tenant in self.tenants.values():
            if tenant.process:
                self._shorten_log(tenant.name)

    def _shorten_log(self, name: str) -> None:
        """A log that has grown too large is kept once, and begun anew."""
        file = Path(self.config.logs) / "tenants" / f"{name}.log"
        with contextlib.suppress(OSError):
            if file.stat().st_size > _LOG_BYTES:
                file.with_suffix(".log.1").write_bytes(file.read_bytes())
                os.truncate(file, 0)


def _drain(waking: socket.socket) -> None:
    waking.recv(4096)


def _allow_many_files() -> None:
    """A socket for each tenant: as many as the machine allows."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(config_file: Path, store_descriptor: int | None = None) -> None:
    """Run a spawner until it is told to end: SIGTERM ends its tenants too, SIGHUP leaves them."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.umask(0o077)
    _allow_many_files()
    store = None if store_descriptor is None else socket.socket(fileno=store_descriptor)
    spawner = Spawner(Config.from_file(config_file), store)
    waking, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    spawner.watch(waking, partial(_drain, waking))
    signal.signal(signal.SIGTERM, lambda _number, _frame: spawner.end(with_tenants=True))
    signal.signal(signal.SIGINT, lambda _number, _frame: spawner.end(with_tenants=True))
    signal.signal(signal.SIGHUP, lambda _number, _frame: spawner.end(with_tenants=False))
    spawner.run()
