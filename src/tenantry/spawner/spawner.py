"""The spawner: brings sockets and processes to what the databases' labels say, and keeps them so."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Collection, Mapping
from pathlib import Path

import psycopg

from tenantry.model.catalog import Kind, State
from tenantry.spawner import hosts, logfiles
from tenantry.spawner.catalog import Catalog, Entry
from tenantry.spawner.config import Config
from tenantry.spawner.control import CONTROL_FILE
from tenantry.spawner.dues import Dues
from tenantry.spawner.files import allow_many_files
from tenantry.spawner.hosts import Hosts
from tenantry.spawner.jobs import Jobs
from tenantry.spawner.loop import Loop
from tenantry.spawner.processes import Processes
from tenantry.spawner.questions import Questions
from tenantry.spawner.tenants import Process, Tenant

_logger = logging.getLogger(__name__)

_RETRY_CATALOG_S = 1
_LOOK_EVERY_S = 10
_MARKERS = {State.SUSPENDED: hosts.SUSPENDED, State.STOPPED: hosts.STOPPED}


class Spawner:
    """One server's. store: the keeper's channel, see `spawner.keeper`."""

    def __init__(self, config: Config, store: socket.socket | None = None) -> None:
        self.config = config
        self.loop = Loop()
        self.hosts = Hosts(Path(config.hosts), store)
        self.processes = Processes(self.loop, config, self._process_ended)
        self.tenants = self.processes.tenants
        self.catalog = Catalog(config.address, config.catalog_user, config.catalog_password)
        self.dues = Dues(config.address, self.processes.password_of)
        self.jobs = Jobs(self.loop, self.processes, self.dues)
        self.questions = Questions(Path(config.run) / CONTROL_FILE, self.loop, self.processes, self._look)
        self._watched_catalog: int | None = None

    def run(self) -> None:
        """Until the loop is told to end."""
        self._look_at_catalog()
        self._look_after()
        self.loop.run()

    def stop(self, *, with_tenants: bool) -> None:
        self.processes.stop(with_tenants=with_tenants)
        self.dues.close()
        self.questions.close()

    def _process_ended(self, tenant: Tenant, process: Process) -> None:
        self.questions.settle()
        if self.tenants.get(tenant.name) is tenant:
            self.jobs.process_ended(tenant, process)

    # ------------------------------------------------------------ the catalog

    def _look_at_catalog(self) -> None:
        try:
            changed = self.catalog.poll()
        except (psycopg.Error, OSError) as error:
            self._lost_catalog(error)
        else:
            self._follow(changed)

    def _look(self, names: Collection[str]) -> None:
        """Who asks has written a label just now: a connection that PostgreSQL's restart cut is made anew."""
        for _attempt in ("as it is", "reconnected"):
            try:
                changed = self.catalog.read(names)
            except (psycopg.Error, OSError) as error:
                self._lost_catalog(error)
            else:
                return self._follow(changed)
        return None

    def _lost_catalog(self, error: Exception) -> None:
        _logger.warning("the catalog cannot be read: %s", str(error).strip())
        if self._watched_catalog is not None:
            self.loop.unwatch(self._watched_catalog)
            self._watched_catalog = None
        self.catalog.forget_connection()
        self.loop.timers.after(_RETRY_CATALOG_S, self._look_at_catalog)

    def _follow(self, changed: Mapping[str, Entry | None]) -> None:
        descriptor = self.catalog.fileno()
        if descriptor is not None and descriptor != self._watched_catalog:
            self.loop.watch(descriptor, self._look_at_catalog)
            self._watched_catalog = descriptor
        self.processes.follow_templates(self.catalog.entries)
        for name, entry in changed.items():
            if entry is None or entry.label.kind is not Kind.ZYGOTE:
                try:
                    self._apply(name, entry)
                except Exception:  # whatever one label says, the others are served
                    _logger.exception("what %s is to be could not be done", name)
        if self.catalog.is_known:
            self.processes.end_strays()

    # ------------------------------------------------------------ a tenant and its label

    def _apply(self, name: str, entry: Entry | None) -> None:
        """Bring what there is of a tenant to what its label says."""
        tenant = self.tenants.get(name)
        is_gone = entry is None or entry.label.state is State.TERMINATING
        if tenant and (is_gone or (entry and entry.oid != tenant.entry.oid)):
            self._close(tenant)
            tenant = None
        if entry is None or is_gone:
            return
        is_new = tenant is None or not tenant.entry.has_crons
        if tenant is None:
            tenant = self.tenants[name] = Tenant(entry, f"{name}.{self.config.base_domain}")
            self.processes.adopt(tenant)
        tenant.entry = entry
        tenant.tell()
        if not entry.is_served:
            self._block(tenant)
            return
        try:
            self._open(tenant)
        except OSError as error:
            _logger.error("%s cannot be served: %s", name, error)
            self._shut(tenant)
        if is_new and tenant.is_asleep:
            self.jobs.plan(tenant)

    def _open(self, tenant: Tenant) -> None:
        """Its hosts lead to it from now on."""
        if tenant.listener is None:
            tenant.listener, is_known = self.hosts.listen(tenant.host)
            if tenant.process and not is_known:
                # It listens where nobody comes any more.
                self.processes.end(tenant)
            self.processes.rearm(tenant)
        wanted = tenant.entry.label.hostnames
        for host in set(tenant.links) - set(wanted):
            self.hosts.forget(host)
        for host in wanted:
            self.hosts.link(host, tenant.host)
        tenant.links = wanted

    def _block(self, tenant: Tenant) -> None:
        """Nobody reaches it, and nothing of it runs on."""
        marker = _MARKERS.get(tenant.entry.label.state, hosts.PREPARING)
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
        self.processes.forget(tenant)
        del self.tenants[tenant.name]

    def _shut(self, tenant: Tenant) -> None:
        if tenant.listener is not None:
            self.loop.unwatch(tenant.listener)
            tenant.listener.close()
            tenant.listener = None
        tenant.due_at = None
        self.processes.end(tenant)

    # ------------------------------------------------------------ now and then

    def _look_after(self) -> None:
        self.loop.timers.after(_LOOK_EVERY_S, self._look_after)
        if self._watched_catalog is not None:
            self._look_at_catalog()
        if self.catalog.is_known:
            self.hosts.keep_only({host for t in self.tenants.values() for host in (t.host, *t.links)})
        logfiles.shorten([*Path(self.config.logs).rglob("*.log"), *map(Path, self.config.more_logs)])


def main(config_file: Path, store_descriptor: int | None = None) -> None:
    """Run a spawner until it is told to end: SIGTERM ends its tenants too, SIGHUP leaves them."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.umask(0o077)
    allow_many_files()
    store = None if store_descriptor is None else socket.socket(fileno=store_descriptor)
    spawner = Spawner(Config.from_file(config_file), store)
    told = _watch_signals(spawner.loop)
    spawner.run()
    spawner.stop(with_tenants=signal.SIGHUP not in told)


def _watch_signals(loop: Loop) -> set[int]:
    """Let signals end the loop; return the set that tells which came."""
    told: set[int] = set()
    waking, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)

    def hear() -> None:
        told.update(waking.recv(64))
        loop.end()

    loop.watch(waking, hear)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    _kept.append(woken)
    return told


_kept: list[socket.socket] = []
"""A socket nobody refers to is closed, and signals are written to this one by its number."""
