"""Find what nobody owns on a server, and what is missing (F3); discard the half-made, keep the rest apart.

What counts as a difference is decided by `model.reconcile`. Before anything is done, its locks are taken and
the facts are read again. Killed anywhere, it is simply run again.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

from tenantry.errors import DependencyFailure, InstanceNotFound, TenantryError
from tenantry.keyfile import write_private
from tenantry.model import names
from tenantry.model.address import subdomain_host
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.instance import Instance
from tenantry.model.reconcile import (
    APPLIED,
    PARTIAL,
    Difference,
    Facts,
    Proposal,
    Reconciliation,
    What,
    differences,
    kept,
    lost_name,
    seen_now,
    seen_with,
    subjects,
    subjects_of,
)
from tenantry.operations.context import Context, name_files, relabel
from tenantry.operations.instance.availability import check_free, name_locks
from tenantry.operations.inventory import describe, find_instance
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import Connection
from tenantry.postgres.notify import notify_spawner

_logger = logging.getLogger(__name__)

_DONE = "done"


class Server(Protocol):
    """What reconciling sees of a server, and the effects that it has. Each may be repeated."""

    def facts(self) -> Facts: ...

    def locked(self, difference: Difference) -> AbstractContextManager[None]:
        """Keep operations away from the thing. Raises Busy."""

    def block(self, name: str, label: Label) -> None:
        """Write the label: when this returns, no process serves the instance."""

    def close(self, name: str) -> None:
        """Let the role log in no more, and end all sessions in the database."""

    def rename(self, old: str, new: str, label: Label) -> None:
        """Rename the database and its role, and write the label, in one transaction."""

    def forget(self, name: str) -> None:
        """When this returns, nobody is led to an instance of this name any more."""

    def name_files(self, name: str) -> None:
        """Give the folder the name of its database."""

    def drop_database(self, name: str) -> None: ...

    def drop_role(self, name: str) -> None: ...

    def rename_role(self, old: str, new: str) -> None:
        """Rename a role without a database, and let it log in no more."""

    def rename_folder(self, old: str, new: str) -> None: ...

    def remove_folder(self, name: str) -> None: ...

    def disconnect(self, route: str) -> None: ...


# ---------------------------------------------------------------- the run


@dataclass
class Reconciler:
    """One run. seen: since when things have been without an owner, by `Facts.key`. remember: keeps that for
    the next run; called before anything is done about them. proposals: what is done without asking again.
    """

    server: Server
    seen: Mapping[str, float]
    remember: Callable[[Mapping[str, float]], None]
    now: float
    proposals: frozenset[Proposal]
    done: list[Difference] = field(default_factory=list)

    def look(self) -> tuple[Difference, ...]:
        facts = self.server.facts()
        found = differences(facts, self.seen, self.now)
        self._remember(seen_now(facts, found))
        return found

    def _remember(self, seen: Mapping[str, float]) -> None:
        self.seen = seen
        self.remember(seen)

    def run(self) -> Reconciliation:
        """Act on one difference after the other, until nothing is left to do; what fails is told."""
        tried: set[tuple[What, str]] = set()
        while chosen := self._next(tried):
            tried.add((chosen.what, chosen.name))
            if outcome := self._outcome(chosen):
                self.done.append(replace(chosen, outcome=outcome))
        rest = [it for it in self.look() if (it.what, it.name) not in tried]
        return Reconciliation((*self.done, *rest), kept(self.server.facts()))

    def _next(self, tried: set[tuple[What, str]]) -> Difference | None:
        wanted = (it for it in self.look() if it.proposal in self.proposals)
        return next((it for it in wanted if (it.what, it.name) not in tried), None)

    def _outcome(self, chosen: Difference) -> str:
        """Act on it, if it still is a difference once its locks are held."""
        try:
            with self.server.locked(chosen):
                facts = self.server.facts()
                if chosen not in differences(facts, self.seen, self.now):
                    return ""
                # If we are killed when only the database is gone, the rest of it must not count as new.
                self._remember({**self.seen, **seen_with(facts, chosen)})
                self._act(chosen, facts)
        except TenantryError as error:
            _logger.warning("%s %s: %s", chosen.what, chosen.name, error)
            return str(error)
        _logger.info("%s %s: %s, because %s", chosen.what, chosen.name, chosen.proposal, chosen.reason)
        return _DONE

    def _act(self, chosen: Difference, facts: Facts) -> None:
        today = datetime.fromtimestamp(self.now, UTC).date()
        match chosen.what:
            case What.DATABASE:
                _act_on_database(self.server, facts, facts.databases[chosen.name], chosen.proposal, today)
            case What.ROLE if chosen.proposal is Proposal.QUARANTINE:
                taken = facts.roles.keys() | facts.databases.keys()
                self.server.rename_role(chosen.name, lost_name(chosen.name, today, taken))
            case What.ROLE:
                self.server.drop_role(chosen.name)
            case What.FOLDER if chosen.proposal is Proposal.QUARANTINE:
                taken = facts.folders.keys() | facts.databases.keys()
                self.server.rename_folder(chosen.name, lost_name(chosen.name, today, taken))
            case What.FOLDER:
                self.server.remove_folder(chosen.name)
            case What.ROUTE:
                self.server.disconnect(chosen.name)


def _act_on_database(
    server: Server, facts: Facts, database: Database, proposal: Proposal, today: date
) -> None:
    match proposal:
        case Proposal.DROP:
            server.drop_database(database.name)
        case Proposal.FINISH:
            _finish(server, database.name, database.label.renamed_from if database.label else "")
        case Proposal.QUARANTINE:
            _quarantine(server, facts, database, today)
        case Proposal.DISCARD | Proposal.REMOVE:
            _discard(server, facts, database)


def _quarantine(server: Server, facts: Facts, database: Database, today: date) -> None:
    assert database.label
    name, label = database.name, database.label.having(state=State.STOPPED, published=False)
    if label.kind is Kind.INSTANCE:
        server.block(name, label)
    server.close(name)
    lost = lost_name(name, today, facts.databases.keys() | facts.roles.keys() | facts.folders.keys())
    server.rename(name, lost, label.having(kind=Kind.LOST, filestore=database.filestore, renamed_from=name))
    _finish(server, lost, name)


def _finish(server: Server, lost: str, name: str) -> None:
    """The files go last: what a killed run left to be done is known by the folder in the label."""
    server.forget(name)
    server.name_files(lost)


def _discard(server: Server, facts: Facts, database: Database) -> None:
    """The database goes before its role, and after its files, since its label says where they are."""
    others = (it for it in facts.databases.values() if it.name != database.name)
    if database.filestore not in {other.filestore for other in others}:
        server.remove_folder(database.filestore)
    server.drop_database(database.name)
    server.remove_folder(database.name)
    server.drop_role(database.name)


# ---------------------------------------------------------------- the server


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
