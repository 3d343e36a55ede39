"""`engine.backups`.

The operations are imported inside the methods, see `engine.archives`.
"""

from __future__ import annotations

from tenantry.engine.parts import Noun
from tenantry.model.backup import Backup, Proof, Pruned, Reason, Retention
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

    def prune(self, retention: Retention | None = None, *, only_tell: bool = False) -> Pruned:
        """Remove backups that need not be kept, and what no backup needs any more. Killed, run it again.

        only_tell: remove nothing, and say which backups would be removed.
        Raises BackupsUnreadable, after all that can be removed without those backups was removed.
        """
        from tenantry.operations.backup.prune import prune

        return prune(self._context, retention or self.retention, only_tell=only_tell)

    def remove(self, backup: str) -> None:
        """Remove one backup, whichever it is; its files are removed by a later `prune`.

        Raises ArchiveNotFound.
        """
        from tenantry.operations.backup.prune import remove

        remove(self._parts.settings, self._parts.keys, backup)

    @property
    def retention(self) -> Retention:
        """What `prune` keeps, by the settings."""
        return Retention(final_days=self._parts.settings.final_backup_days)

    def all(self, name: str = "") -> list[Backup]:
        """All backups, the newest first, or those of instances that had this name; also of terminated ones.

        PostgreSQL need not run.
        """
        from tenantry.operations.backup.listing import backups

        return backups(self._parts.settings, self._parts.keys, name)

    def get(self, backup: str) -> Backup:
        """Raises ArchiveNotFound."""
        from tenantry.operations.backup.listing import find

        return find(self._parts.settings, self._parts.keys, backup)

    def prove(self, backup: str, on_step: OnStep = ignore) -> Proof:
        """Restore a backup to scratch, look at it with a real Odoo, and keep the result; return it.

        Raises as `operations.backup.prove`.
        """
        from tenantry.operations.backup.prove import prove

        return prove(self._context, backup, on_step)

    def unproved(self) -> list[Backup]:
        """Of each instance the newest backup that has no result yet, or could not be verified."""
        from tenantry.operations.backup.prove import due

        return due(self.all())
