"""Set the passwords of instances again after an upgrade, or when the key they are derived from changed."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from tenantry.keyfile import write_private
from tenantry.model.names import LOCAL_SERVER, is_instance_role
from tenantry.model.secret import Secret
from tenantry.operations.context import Context
from tenantry.postgres import roles
from tenantry.postgres.cluster import Connection

_logger = logging.getLogger(__name__)


def apply_instances_key(context: Context, connection: Connection) -> None:
    """Set every instance's password, unless this key was applied before. Run it again if it was killed."""
    applied, mark = _mark_file(context), _mark(context.keys.instances)
    if applied.exists() and applied.read_text(encoding="ascii") == mark:
        return
    for role in sorted(filter(is_instance_role, roles.ours(connection))):
        roles.set_password(connection, role, context.role_password(role))
    write_private(applied, mark)
    _logger.info(
        "the passwords of instances are those of %s", context.settings.installation.instances_key_file
    )


def _mark_file(context: Context) -> Path:
    settings = context.settings
    key_file = settings.installation.instances_key_file
    folder = key_file.parent if settings.name == LOCAL_SERVER else settings.home
    return folder / f"{key_file.name}.applied"


def _mark(key: Secret) -> str:
    """A hash to recognise the key by. The key has 256 random bits, so its hash does not reveal it."""
    return hashlib.sha256(key.reveal().encode()).hexdigest()
