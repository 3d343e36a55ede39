"""PostgreSQL's catalog: the databases of tenants and zygotes, with their labels.

The engine writes a database's label as JSON into its comment, and sends its name with NOTIFY on a channel.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import conninfo

from tenantry.model.catalog import Kind, Label, State

_logger = logging.getLogger(__name__)

CHANNEL = "tenantry_catalog"
FULL_REFRESH_S = 30
"""A label that is written without NOTIFY, by hand, is read after this time."""

_QUERY = """
    SELECT oid, datname, shobj_description(oid, 'pg_database')
      FROM pg_database
     WHERE datallowconn AND NOT datistemplate AND (%(names)s::text[] IS NULL OR datname = ANY(%(names)s))
"""
_KINDS = (Kind.INSTANCE, Kind.EDIT, Kind.ZYGOTE)


@dataclass(frozen=True)
class Entry:
    """A database of a tenant or of a zygote. oid: tells it apart from a later database of the same name."""

    oid: int
    database: str
    label: Label

    @property
    def is_served(self) -> bool:
        state, label = self.label.state, self.label
        return state is State.ACTIVE or (state is State.PROVISIONING and label.published)

    @property
    def keeps_visitors(self) -> bool:
        """Whether visitors may connect, but no process serves them: they wait, or are forwarded."""
        return self.label.state in (State.MOVING, State.MOVED, State.RESTORING)

    @property
    def forward_to(self) -> str:
        """The host and port that its visitors are forwarded to; "" unless it has moved."""
        return self.label.forward_to if self.label.state is State.MOVED else ""

    @property
    def has_crons(self) -> bool:
        """Scheduled jobs run for active instances only, never for a template that is being edited."""
        return self.label.kind is Kind.INSTANCE and self.label.state is State.ACTIVE

    @property
    def folder(self) -> str:
        return self.label.filestore or self.database

    @property
    def template(self) -> tuple[str, str]:
        return self.label.template, self.label.version


class Catalog:
    """What this process knows of the catalog. `poll` reads the connection without waiting."""

    def __init__(self, address: Mapping[str, str], user: str, password: str) -> None:
        self._conninfo = conninfo.make_conninfo(
            conninfo.make_conninfo("", **dict(address)),
            user=user,
            password=password,
            dbname="postgres",
            connect_timeout="5",
            application_name="tenantry-spawner",
        )
        self._connection: psycopg.Connection[tuple[int, str, str | None]] | None = None
        self._refreshed_at = 0.0
        self.entries: dict[str, Entry] = {}

    @property
    def is_known(self) -> bool:
        """Whether the catalog has been read at least once."""
        return self._refreshed_at > 0

    def fileno(self) -> int | None:
        """The descriptor that is readable after a notification; None while there is no connection."""
        return None if self._connection is None else self._connection.fileno()

    def poll(self) -> dict[str, Entry | None]:
        """The entries that changed since the last poll, by name; None: removed. Raises psycopg.Error."""
        if self._connection is None:
            return self.read(None)
        if time.monotonic() - self._refreshed_at > FULL_REFRESH_S:
            return self.read(None)
        names = self._notified()
        return self.read(names) if names else {}

    def read(self, names: Collection[str] | None) -> dict[str, Entry | None]:
        """Read these databases, or all; return the entries that changed. Raises psycopg.Error.

        After a lost connection all are read: the notifications of that time are lost. Notifications that
        arrive together with the answer are handled here, too: `fileno` would not become readable for them.
        """
        if self._connection is None:
            self._connect()
            names = None
        changed = self._read(names)
        while notified := self._notified():
            changed |= self._read(notified)
        return changed

    def _read(self, names: Collection[str] | None) -> dict[str, Entry | None]:
        assert self._connection
        rows = self._connection.execute(_QUERY, {"names": None if names is None else list(names)}).fetchall()
        found = {entry.database: entry for row in rows if (entry := _entry(*row))}
        before = self.entries
        if names is None:
            self.entries = found
            self._refreshed_at = time.monotonic()
        else:
            self.entries = {name: entry for name, entry in before.items() if name not in names} | found
        looked_at = set(before) | set(found) if names is None else set(names)
        return {name: found.get(name) for name in looked_at if found.get(name) != before.get(name)}

    def forget_connection(self) -> None:
        """Close the connection after an error. The known entries stay in use while PostgreSQL restarts."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _notified(self) -> set[str]:
        assert self._connection
        return {notify.payload for notify in self._connection.notifies(timeout=0)}

    def _connect(self) -> None:
        connection = psycopg.connect(self._conninfo, autocommit=True)
        connection.execute(f"LISTEN {CHANNEL}".encode())
        self._connection = connection


def _entry(oid: int, database: str, comment: str | None) -> Entry | None:
    try:
        label = Label.from_comment(comment)
    except ValueError:  # this version does not know the kind or the state
        _logger.warning("the label of %s cannot be read", database)
        return None
    return Entry(oid, database, label) if label and label.kind in _KINDS else None
