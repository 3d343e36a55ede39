"""Take a backup of an instance, while it is in use or stopped."""

from __future__ import annotations

from datetime import UTC, datetime

from tenantry.archive.format import manifest_path
from tenantry.model.backup import Backup, Reason
from tenantry.model.progress import OnStep, ignore
from tenantry.operations.backup.listing import remember
from tenantry.operations.context import Context
from tenantry.operations.instance.archives import place
from tenantry.operations.instance.dump import Dumping, dumped, make_archive
from tenantry.postgres.cluster import Connection


def take(context: Context, name: str, on_step: OnStep = ignore, reason: Reason = Reason.ASKED) -> Backup:
    """Back an instance up into the server's store; the backup exists once it is complete.

    Raises as `make_archive`, and InvalidStore.
    """
    target = place(context, context.settings.backups_url)
    manifest = make_archive(context, name, target, on_step, reason=reason)
    return remember(context.settings, target, manifest)


def take_final(context: Context, connection: Connection, name: str, backup: str) -> None:
    """Take the final backup of that name, unless it is there: a killed termination took it.

    The caller holds the instance's lock, and nobody can write to the instance. Raises as `take`.
    """
    target = place(context, context.settings.backups_url)
    if target.store.find(manifest_path(backup)) is None:
        began, reason = datetime.now(UTC), Reason.TERMINATE
        manifest = dumped(Dumping(context, connection, name, target, backup, began, reason=reason))
        remember(context.settings, target, manifest)
