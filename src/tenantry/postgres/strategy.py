"""The fastest way to copy a database in this cluster: tried once, then remembered.

PostgreSQL 15 introduced STRATEGY; before, the only way was file copy. Since 18 the setting
file_copy_method=clone shares blocks where the file system can (XFS, Btrfs, ZFS), which makes
a copy independent of its size; elsewhere FILE_COPY forces checkpoints and WAL_LOG is faster.
"""

from __future__ import annotations

import logging
import secrets
from enum import StrEnum

from psycopg import sql

from tenantry.errors import TenantryError
from tenantry.model.names import TEMPLATE_OWNER
from tenantry.postgres import roles
from tenantry.postgres.cluster import Connection, translated

_logger = logging.getLogger(__name__)

_HAS_STRATEGIES, _CAN_SHARE_BLOCKS = 150000, 180000


class Strategy(StrEnum):
    DEFAULT = "default"
    WAL_LOG = "wal_log"
    FILE_CLONE = "file_clone"

    @property
    def clause(self) -> sql.SQL:
        match self:
            case Strategy.WAL_LOG:
                return sql.SQL(" STRATEGY WAL_LOG")
            case Strategy.FILE_CLONE:
                return sql.SQL(" STRATEGY FILE_COPY")
            case Strategy.DEFAULT:
                return sql.SQL("")


def prepare(connection: Connection, strategy: Strategy) -> None:
    """Set what the session needs before it copies a database."""
    if strategy is Strategy.FILE_CLONE:
        with translated(connection, "set the file copy method"):
            connection.execute("SET file_copy_method = 'clone'")


def fastest(connection: Connection) -> Strategy:
    """The cluster's fastest strategy. Where it must be tried, the result is kept in a role's comment."""
    version = connection.info.server_version
    if version < _HAS_STRATEGIES:
        return Strategy.DEFAULT
    if version < _CAN_SHARE_BLOCKS:
        return Strategy.WAL_LOG
    known = roles.note(connection, TEMPLATE_OWNER)
    if known in set(Strategy):
        return Strategy(known)
    found = Strategy.FILE_CLONE if _can_clone_files(connection) else Strategy.WAL_LOG
    roles.set_note(connection, TEMPLATE_OWNER, found)
    _logger.info("databases are cloned by %s", found)
    return found


def _can_clone_files(connection: Connection) -> bool:
    probe = sql.Identifier(f"tenantry_strategy_probe_{secrets.token_hex(4)}")
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 STRATEGY FILE_COPY").format(probe)
    try:
        prepare(connection, Strategy.FILE_CLONE)
        with translated(connection, "copy a database's files"):
            connection.execute(statement)
    except TenantryError as error:
        _logger.info("the file system shares no blocks: %s", error)
        return False
    with translated(connection, "drop a database"):
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(probe))
    return True
