"""How this cluster copies a database fastest: found out once, by trying.

PostgreSQL 15 introduced STRATEGY; before, the only way was file copy. Since 18 the setting
file_copy_method=clone shares blocks where the file system can (XFS, Btrfs, ZFS), which makes
a copy independent of its size; elsewhere FILE_COPY forces checkpoints and WAL_LOG is faster.
"""

from __future__ import annotations

import logging
from enum import StrEnum

import psycopg
from psycopg import sql

from tenantry.postgres.cluster import Connection, translated

_logger = logging.getLogger(__name__)

_PROBE = "tenantry_strategy_probe"


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
    """Set what the session needs before it clones."""
    if strategy is Strategy.FILE_CLONE:
        connection.execute("SET file_copy_method = 'clone'")


def remembered(connection: Connection) -> Strategy:
    """The cluster's strategy; found out the first time and kept as a setting of the engine's role."""
    row = connection.execute("SELECT current_setting('tenantry.clone_strategy', true)").fetchone()
    if row and row[0] in set(Strategy):
        return Strategy(row[0])
    strategy = detect(connection)
    statement = sql.SQL("ALTER ROLE CURRENT_USER SET tenantry.clone_strategy = {}")
    with translated(connection, "remember how to clone"):
        connection.execute(statement.format(sql.Literal(str(strategy))))
    _logger.info("databases are cloned by %s", strategy)
    return strategy


def detect(connection: Connection) -> Strategy:
    """Find the fastest strategy by copying the smallest database there is."""
    version = connection.info.server_version
    if version < 150000:
        return Strategy.DEFAULT
    if version >= 180000 and _can_clone_files(connection):
        return Strategy.FILE_CLONE
    return Strategy.WAL_LOG


def _can_clone_files(connection: Connection) -> bool:
    try:
        prepare(connection, Strategy.FILE_CLONE)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 STRATEGY FILE_COPY").format(sql.Identifier(_PROBE))
        )
    except psycopg.Error as error:
        _logger.info("the file system shares no blocks: %s", str(error).splitlines()[0])
        return False
    finally:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(_PROBE)))
    return True
