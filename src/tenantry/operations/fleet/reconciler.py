"""One run of reconciling: what is done about each difference, by effects that a server offers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol

from tenantry.errors import TenantryError
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.difference import (
    Difference,
    Facts,
    Proposal,
    Reconciliation,
    What,
    lost_name,
    quarantined,
)
from tenantry.model.reconcile import day_of, differences, seen_now, seen_with

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
        return Reconciliation((*self.done, *rest), quarantined(self.server.facts()))

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
        today = day_of(self.now)
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
    """The database goes before its role, and after its files, since its label says where they are.

    Files to which another label leads stay.
    """
    others = {it.filestore for it in facts.databases.values() if it.name != database.name}
    for folder in {database.filestore, database.name} - others:
        server.remove_folder(folder)
    server.drop_database(database.name)
    server.drop_role(database.name)
