"""The spawner: follows the databases' labels, and opens, blocks and ends tenants as they say."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Collection, Mapping
from pathlib import Path

import psycopg

from tenantry.model.address import subdomain_host
from tenantry.model.catalog import Kind, State
from tenantry.spawner import hosts, logfiles
from tenantry.spawner.catalog import Catalog, Entry
from tenantry.spawner.config import Config
from tenantry.spawner.control import CONTROL_FILE
from tenantry.spawner.dues import Dues
from tenantry.spawner.files import raise_open_files_limit
from tenantry.spawner.forwarding import Forwarding
from tenantry.spawner.hosts import Hosts
from tenantry.spawner.jobs import Jobs
from tenantry.spawner.loop import Loop
from tenantry.spawner.processes import Processes
from tenantry.spawner.questions import Questions
from tenantry.spawner.tenants import Process, Tenant

_logger = logging.getLogger(__name__)

_RETRY_CATALOG_S = 1
_HOUSEKEEPING_EVERY_S = 10
_MARKERS = {State.SUSPENDED: hosts.SUSPENDED, State.STOPPED: hosts.STOPPED}


class Spawner:
    """The spawner of one server. store: the channel to the keeper, see `spawner.keeper`."""

    def __init__(self, config: Config, store: socket.socket | None = None) -> None:
        self.config = config
        self.loop = Loop()
        self.hosts = Hosts(Path(config.hosts), store)
        self.processes = Processes(self.loop, config, self._process_ended, self._settle)
        self.tenants = self.processes.tenants
        self.catalog = Catalog(config.address, config.catalog_user, config.catalog_password)
        self.dues = Dues(config.address, self.processes.password_of)
        self.jobs = Jobs(self.loop, self.processes, self.dues)
        self.questions = Questions(
            Path(config.run) / CONTROL_FILE, self.loop, self.processes, self._read_labels
        )
        self.forwarding = Forwarding(self.loop)
        self._watched_catalog: int | None = None

    def run(self) -> None:
        """Run until the loop ends."""
        self._poll_catalog()
        self._run_housekeeping()
        self.loop.run()

    def stop(self, *, with_tenants: bool) -> None:
        self.processes.stop(with_tenants=with_tenants)
        self.forwarding.stop(at_once=with_tenants)
        self.dues.close()
        self.questions.close()

    def _settle(self) -> None:
        self.questions.settle()

    def _process_ended(self, tenant: Tenant, process: Process) -> None:
        self.questions.settle()
        if self.tenants.get(tenant.name) is tenant:
            self.jobs.process_ended(tenant, process)

    # ------------------------------------------------------------ the catalog

    def _poll_catalog(self) -> None:
        try:
            changed = self.catalog.poll()
        except (psycopg.Error, OSError) as error:
            self._catalog_failed(error)
        else:
            self._follow(changed)

    def _read_labels(self, names: Collection[str]) -> None:
        """Read labels that the engine has just written. After a restart of PostgreSQL, reconnect first."""
        for _attempt in ("as it is", "reconnected"):
            try:
                changed = self.catalog.read(names)
            except (psycopg.Error, OSError) as error:
                self._catalog_failed(error)
            else:
                return self._follow(changed)
        return None

    def _catalog_failed(self, error: Exception) -> None:
        _logger.warning("the catalog cannot be read: %s", str(error).strip())
        if self._watched_catalog is not None:
            self.loop.unwatch(self._watched_catalog)
            self._watched_catalog = None
        self.catalog.forget_connection()
        self.loop.timers.after(_RETRY_CATALOG_S, self._poll_catalog)

    def _follow(self, changed: Mapping[str, Entry | None]) -> None:
        descriptor = self.catalog.fileno()
        if descriptor is not None and descriptor != self._watched_catalog:
            self.loop.watch(descriptor, self._poll_catalog)
            self._watched_catalog = descriptor
        self.processes.follow_templates(self.catalog.entries)
        for name, entry in changed.items():
            if entry is None or entry.label.kind is not Kind.ZYGOTE:
                try:
                    self._apply(name, entry)
                except Exception:  # a fault in one label must not affect the other tenants
                    _logger.exception("the label of %s could not be followed", name)
        if self.catalog.is_known:
            self.processes.end_orphans()

    # ------------------------------------------------------------ a tenant and its label

    def _apply(self, name: str, entry: Entry | None) -> None:
        """Open, block or close a tenant as its label says."""
        tenant = self.tenants.get(name)
        is_gone = entry is None or entry.label.state is State.TERMINATING
        if tenant and entry and entry.oid != tenant.entry.oid and tenant.entry.keeps_visitors:
            tenant = self._replaced(tenant, entry)
        if tenant and (is_gone or (entry and entry.oid != tenant.entry.oid)):
            self._close(tenant)
            tenant = None
        if entry is None or is_gone:
            return
        is_new = tenant is None or not tenant.entry.has_crons
        if tenant is None:
            tenant = self.tenants[name] = Tenant(entry, subdomain_host(name, self.config.base_domain))
            self.processes.adopt(tenant)
        tenant.entry = entry
        tenant.update_board()
        if not (entry.is_served or entry.keeps_visitors):
            self._block(tenant)
            return
        try:
            self._open(tenant)
        except OSError as error:
            _logger.error("%s cannot be served: %s", name, error)
            self._stop_listening(tenant)
        if entry.keeps_visitors:
            self._hold(tenant)
        self.forwarding.follow(tenant)
        if is_new and tenant.is_asleep:
            self.jobs.plan(tenant)

    def _hold(self, tenant: Tenant) -> None:
        """End the tenant's process and start none: new visitors wait at its socket."""
        if tenant.listener is not None:
            self.loop.unwatch(tenant.listener)
        tenant.due_at = None
        self.processes.finish(tenant)
        if tenant.entry.label.is_arriving and not tenant.entry.label.filestore:
            self.processes.prepare(tenant)

    def _replaced(self, former: Tenant, entry: Entry) -> Tenant:
        """A tenant that has the name and the visitors of a former one."""
        self.processes.end(former)
        self.processes.forget(former)
        tenant = Tenant(entry, former.host, former.listener, former.links)
        self.tenants[former.name] = tenant
        return tenant

    def _open(self, tenant: Tenant) -> None:
        """Listen for the tenant, and link its further hosts."""
        if tenant.listener is None:
            tenant.listener, is_known = self.hosts.listen(tenant.host)
            if tenant.process and not is_known:
                # The process listens on the former socket, where no visitor comes.
                self.processes.end(tenant)
        self.processes.rearm(tenant)
        wanted = tenant.entry.label.further_hosts
        for host in set(tenant.links) - set(wanted):
            self.hosts.forget(host)
        for host in wanted:
            self.hosts.link(host, tenant.host)
        tenant.links = wanted

    def _block(self, tenant: Tenant) -> None:
        """Mark the tenant's hosts as not served, and end its process."""
        marker = _MARKERS.get(tenant.entry.label.state, hosts.PREPARING)
        wanted = tenant.entry.label.further_hosts
        for host in {tenant.host, *wanted}:
            self.hosts.mark(host, marker)
        for host in set(tenant.links) - set(wanted):
            self.hosts.forget(host)
        tenant.links = wanted
        self._stop_listening(tenant)

    def _close(self, tenant: Tenant) -> None:
        """Remove a tenant whose database is gone, or whose name another database has now."""
        for host in {tenant.host, *tenant.links}:
            self.hosts.forget(host)
        self._stop_listening(tenant)
        self.processes.forget(tenant)
        del self.tenants[tenant.name]

    def _stop_listening(self, tenant: Tenant) -> None:
        """Close the tenant's socket and end its process."""
        self.forwarding.forget(tenant)
        if tenant.listener is not None:
            self.loop.unwatch(tenant.listener)
            tenant.listener.close()
            tenant.listener = None
        tenant.due_at = None
        self.processes.end(tenant)

    # ------------------------------------------------------------ housekeeping

    def _run_housekeeping(self) -> None:
        self.loop.timers.after(_HOUSEKEEPING_EVERY_S, self._run_housekeeping)
        if self._watched_catalog is not None:
            self._poll_catalog()
        if self.catalog.is_known:
            self.hosts.keep_only({host for t in self.tenants.values() for host in (t.host, *t.links)})
        logfiles.rotate([*Path(self.config.logs).rglob("*.log"), *map(Path, self.config.more_logs)])


def main(config_file: Path, store_descriptor: int | None = None) -> None:
    """Run a spawner until SIGTERM, which also ends its tenants, or SIGHUP, which leaves them running."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.umask(0o077)
    raise_open_files_limit()
    store = None if store_descriptor is None else socket.socket(fileno=store_descriptor)
    spawner = Spawner(Config.from_file(config_file), store)
    signals = _watch_signals(spawner.loop)
    spawner.run()
    spawner.stop(with_tenants=signal.SIGHUP not in signals)


def _watch_signals(loop: Loop) -> set[int]:
    """End the loop at a signal; return the set to which the received signals are added."""
    received: set[int] = set()
    waking, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)

    def read_signals() -> None:
        received.update(waking.recv(64))
        loop.end()

    loop.watch(waking, read_signals)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    _kept.append(woken)
    return received


_kept: list[socket.socket] = []
"""Signals are written to this socket by its number: without a reference to it, Python would close it."""
