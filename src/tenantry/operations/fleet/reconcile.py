"""Find what nobody owns on a server, and what is missing (F3); discard the half-made, keep the rest apart.

What counts as a difference is decided by `model.reconcile`. Before anything is done, its locks are taken and
the facts are read again. Killed anywhere, it is simply run again.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenantry.errors import DependencyFailure, InstanceNotFound
from tenantry.keyfile import write_private
from tenantry.model import names
from tenantry.model.address import subdomain_host
from tenantry.model.catalog import Database, Kind, Label
from tenantry.model.difference import (
    APPLIED,
    PARTIAL,
    Difference,
    Facts,
    Proposal,
    Reconciliation,
    subjects,
    subjects_of,
)
from tenantry.model.instance import Instance
from tenantry.operations.context import Context, name_files, relabel
from tenantry.operations.fleet.reconciler import Reconciler
from tenantry.operations.instance.availability import check_free, name_locks
from tenantry.operations.inventory import describe, find_instance
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import Connection
from tenantry.postgres.notify import notify_spawner

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClusterServer:
    """See `Server`: the cluster, the files and the runtime of a context. records: see `Facts`."""

    context: Context
    connection: Connection
    records: Mapping[str, str] | None

    def facts(self) -> Facts:
        found = databases.everything(self.connection)
        there = {name: database for name, (_oid, database, _folder) in found.items()}
        ours, folders = roles.oids(self.connection), self.context.filestores.inodes()
        known = {*there, *ours, *folders}
        asked = {subject for name in known for subject in subjects(name.removesuffix(PARTIAL))}
        return Facts(
            databases=there,
            oids={name: oid for name, (oid, _database, _folder) in found.items()},
            roles={name: oid for name, oid in ours.items() if name not in names.INFRASTRUCTURE_ROLES},
            folders=folders,
            claimed=frozenset(folder for _oid, _database, folder in found.values()) - {""},
            routes=self._strays(found),
            held=frozenset(locks.held(self.connection, asked)),
            records=self.records,
        )

    def _strays(self, found: Mapping[str, tuple[int, Database, str]]) -> frozenset[str]:
        """What the runtime has for no database; nothing if it cannot be asked now."""
        domain = self.context.settings.base_domain
        labels = ((name, database.label) for name, (_oid, database, _folder) in found.items())
        hosts = [host for name, label in labels if label for host in _hosts(name, label, domain)]
        try:
            return frozenset(self.context.runtime.strays(hosts, [oid for oid, *_rest in found.values()]))
        except DependencyFailure as error:
            _logger.warning("the routes are not known: %s", error)
            return frozenset()

    @contextmanager
    def locked(self, difference: Difference) -> Iterator[None]:
        with ExitStack() as stack:
            for subject in subjects_of(difference):
                stack.enter_context(locks.exclusive(self.connection, subject))
            yield

    def block(self, name: str, label: Label) -> None:
        relabel(self.context, self.connection, name, label)

    def close(self, name: str) -> None:
        if roles.is_ours(self.connection, name):
            roles.disable_login(self.connection, name)
        databases.end_sessions(self.connection, name)

    def rename(self, old: str, new: str, label: Label) -> None:
        with databases.transaction(self.connection):
            databases.rename(self.connection, old, new)
            if roles.is_ours(self.connection, old):
                roles.rename(self.connection, old, new)
            databases.label(self.connection, new, label)
            notify_spawner(self.connection, old)

    def forget(self, name: str) -> None:
        self.context.runtime.follow([name])

    def name_files(self, name: str) -> None:
        name_files(self.context, self.connection, name)

    def drop_database(self, name: str) -> None:
        databases.drop(self.connection, name)
        notify_spawner(self.connection, name)
        self.context.runtime.follow([name])

    def drop_role(self, name: str) -> None:
        roles.drop(self.connection, name)

    def rename_role(self, old: str, new: str) -> None:
        roles.disable_login(self.connection, old)
        roles.end_sessions(self.connection, old)
        roles.rename(self.connection, old, new)

    def rename_folder(self, old: str, new: str) -> None:
        self.context.filestores.rename(old, new)

    def remove_folder(self, name: str) -> None:
        self.context.filestores.remove(name)

    def disconnect(self, route: str) -> None:
        self.context.runtime.remove_stray(route)


def _hosts(name: str, label: Label, base_domain: str) -> tuple[str, ...]:
    return (subdomain_host(name, base_domain), *label.further_hosts)


# ---------------------------------------------------------------- operations


def reconcile(
    context: Context,
    records: Mapping[str, str] | None = None,
    *,
    apply: bool = False,
    remove: bool = False,
    now: float | None = None,
) -> Reconciliation:
    """Compare what there is with what is owned; `apply`: act on it; `remove`: empty the quarantine.

    records: the back office's, the name by the reference; None: not known. Raises Busy while another one
    runs.
    """
    proposals = (APPLIED if apply else frozenset()) | ({Proposal.REMOVE} if remove else set())
    with context.maintenance() as connection, _alone(connection):
        file = _seen_file(context)
        return Reconciler(
            ClusterServer(context, connection, records),
            seen=_read(file),
            remember=lambda seen: write_private(file, json.dumps(dict(seen), indent=1, sort_keys=True)),
            now=time.time() if now is None else now,
            proposals=proposals,
        ).run()


def _alone(connection: Connection) -> AbstractContextManager[None]:
    """Raises Busy while another run goes on."""
    return locks.exclusive(connection, "what nobody owns")


def _seen_file(context: Context) -> Path:
    """Since when things have been without an owner: PostgreSQL does not know when a database was made."""
    return context.settings.home / "reconcile.json"


def _read(file: Path) -> dict[str, float]:
    """A file that cannot be read counts as empty: everything is young again then."""
    try:
        return {str(key): float(since) for key, since in json.loads(file.read_text(encoding="utf-8")).items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}


def give_back(context: Context, lost: str) -> Instance:
    """Make an instance in quarantine a stopped instance again. Raises InstanceNotFound, NameTaken, Busy."""
    with context.maintenance() as connection:
        found = databases.find(connection, lost)
        label = found.label if found else None
        if not (label and label.kind is Kind.LOST and names.is_label(label.renamed_from)):
            raise InstanceNotFound(lost)
        name = label.renamed_from
        with _alone(connection), name_locks(connection, [name], label.hostnames):
            check_free(context, connection, name)
            back = label.having(kind=Kind.INSTANCE, filestore=label.filestore or lost, renamed_from="")
            with databases.transaction(connection):
                databases.rename(connection, lost, name)
                if roles.is_ours(connection, lost):
                    roles.rename(connection, lost, name)
                databases.label(connection, name, back)
                notify_spawner(connection, lost, name)
            context.runtime.follow([lost, name])
            name_files(context, connection, name)
            return describe(context, Database(name, find_instance(connection, name)))
