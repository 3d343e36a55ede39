"""`engine.backups`.

The operations are imported inside the methods, see `engine.archives`.
"""

from __future__ import annotations

from tenantry.engine.parts import Noun
from tenantry.model import names
from tenantry.model.backup import Backup, Pruned, Reason, Retention
from tenantry.model.instance import Instance
from tenantry.model.kept import Kept, Swept
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

    # ------------------------------------------------------------ restores

    def restore(self, backup: str, name: str, on_step: OnStep = ignore) -> Instance:
        """Let the instance `name` have the data of its backup; without such an instance, make a stopped one.

        It is in use until the restored data takes the place of its former data, which is kept until
        `confirm`, or for some days. A failed restore changes nothing. Raises InvalidName, and the errors of
        `operations.backup.restore`.
        """
        from tenantry.operations.backup.restore import restore

        names.instance_name(name, self._parts.settings.installation.reserved_names)
        return restore(self._context, backup, name, on_step)

    def put_back(self, name: str, on_step: OnStep = ignore) -> Instance:
        """Let an instance have its former data again; what it has now is kept in turn.

        Raises InstanceNotFound, NothingKept, InvalidTransition, Busy, FilestoreFailure, ProbeFailed.
        """
        from tenantry.operations.backup.put_back import put_back

        return put_back(self._context, name, on_step)

    def confirm(self, name: str, on_step: OnStep = ignore) -> None:
        """Remove an instance's former data, if it is kept. Raises InstanceNotFound, Busy."""
        from tenantry.operations.backup.put_back import confirm

        confirm(self._context, name, on_step)

    def kept(self) -> list[Kept]:
        """The former data that is kept, by instance."""
        from tenantry.operations.backup.sweep import all_kept

        return all_kept(self._context)

    def sweep(self) -> Swept:
        """Remove former data that was kept long enough, and stop copies that have expired: once a day."""
        from tenantry.operations.backup.sweep import sweep

        return sweep(self._context)
