"""`engine.backups`.

The operations are imported inside the methods, see `engine.archives`.
"""

from __future__ import annotations

from tenantry.engine.parts import Noun
from tenantry.model.backup import Backup, Reason
from tenantry.model.progress import OnStep, ignore


class Backups(Noun):
    """`engine.backups`: back instances up into the server's store (`TENANTRY_BACKUP_STORE`).

    A backup is an archive, see `engine.archives`. All methods also raise InvalidStore, StoreFailure and
    StoreRefused.
    """

    def take(self, name: str, on_step: OnStep = ignore, *, reason: str = Reason.ASKED) -> Backup:
        """Back an instance up, which stays in use meanwhile; the backup exists once it is complete.

        Raises InstanceNotFound, InvalidTransition, Busy, DumpFailed, ClientNotFound, FilestoreFailure.
        """
        from tenantry.operations.backup.take import take

        return take(self._context, name, on_step, Reason(reason))

    def all(self, name: str = "", identity: str = "") -> list[Backup]:
        """All backups, the newest first, also of terminated instances. PostgreSQL need not run.

        name: those of instances that had this name. identity: those of one instance, whatever it was called.
        """
        from tenantry.operations.backup.listing import backups

        return backups(self._parts.settings, self._parts.keys, name, identity)

    def get(self, backup: str) -> Backup:
        """Raises ArchiveNotFound."""
        from tenantry.operations.backup.listing import find

        return find(self._parts.settings, self._parts.keys, backup)
