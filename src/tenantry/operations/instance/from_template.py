"""A new instance's database and files from a template of this cluster: a spare, or a clone."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from tenantry.model import names
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.instance import InstanceSpec
from tenantry.operations import patience
from tenantry.operations.context import Context, name_files
from tenantry.operations.fleet import pool
from tenantry.operations.inventory import find_instance, find_labelled
from tenantry.operations.template.clone import clone_template, database_lock, discard
from tenantry.postgres import locks
from tenantry.postgres.cluster import Connection


@dataclass
class FromTemplate:
    """See `Source`.

    patience_s: how long it waits for its turn to copy before it raises NotYet.
    spare: the name of the claimed spare.
    """

    context: Context
    connection: Connection
    spec: InstanceSpec
    patience_s: float
    spare: str | None = None

    @property
    def has_database(self) -> bool:
        return find_labelled(self.connection, self.spec.name, Kind.INSTANCE) is not None

    @property
    def has_files(self) -> bool:
        return not find_instance(self.connection, self.spec.name).filestore

    def prepare(self) -> None:
        """Claim a spare. If there is none, `make_database` makes the database."""
        spec = self.spec
        self.spare = pool.claim(self.context, self.connection, spec.template, spec.name, self._label)

    def make_database(self) -> None:
        """Clone the template, and rename the clone by the same transaction as a spare."""
        context, connection, spec = self.context, self.connection, self.spec
        temporary_name = names.cloning_database(spec.name)
        with database_lock(connection, temporary_name):
            # The slot is held for the copying only: the steps after it do not keep a core busy.
            with contextlib.ExitStack() as turn:
                places = locks.slot(connection, "cloning", context.clones_at_once, wait_s=self.patience_s)
                turn.enter_context(patience.turn(places, f"The creation of {spec.name}", "its turn: cloning"))
                spare = clone_template(
                    context, connection, spec.template, temporary_name, on_copied=turn.close
                )
            pool.name_spare(context, connection, spare, spec.name, self._label)

    def make_files(self) -> None:
        """Rename the folder of files, which came with the clone."""
        name_files(self.context, self.connection, self.spec.name)

    def discard(self) -> None:
        """Remove the unfinished instance under each name it may have; other instances are not touched."""
        context, connection, name = self.context, self.connection, self.spec.name
        found = find_labelled(connection, name, Kind.INSTANCE)
        if found and found.label and found.label.state is State.PROVISIONING:
            context.filestores.remove(found.filestore)
            discard(context, connection, name)
        discard(context, connection, names.cloning_database(name))

    @property
    def _label(self) -> Label:
        return Label(
            kind=Kind.INSTANCE,
            state=State.PROVISIONING,
            template=self.spec.template,
            version="",
            hostnames=self.spec.hostnames,
            reference=self.spec.reference,
            limits=self.spec.limits,
        )
