"""Take a backup of an instance, while it is in use or stopped."""

from __future__ import annotations

from tenantry.model.backup import Backup, Reason
from tenantry.model.progress import OnStep, ignore
from tenantry.operations.backup.listing import remember
from tenantry.operations.context import Context
from tenantry.operations.instance.archives import place
from tenantry.operations.instance.dump import make_archive


def take(context: Context, name: str, on_step: OnStep = ignore, reason: Reason = Reason.ASKED) -> Backup:
    """Back an instance up into the server's store; the backup exists once it is complete.

    Raises as `make_archive`, and InvalidStore.
    """
    target = place(context, context.settings.backups_url)
    manifest = make_archive(context, name, target, on_step, reason=reason)
    return remember(context.settings, target, manifest)
