"""Under which user ids processes run where root starts them: one for each tenant, none of them in passwd.

Taken from a part of the 32 bits that neither distributions nor systemd's containers give out.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import psutil

_FIRST, _COUNT = 0x7000_0000, 0x0FFF_0000
RANGES = 16
"""Each server of a machine has one of these parts for its tenants: their clusters' oids may be the same."""
_OF_RANGE = _COUNT // RANGES
ZYGOTE, FRONT, BUILDER = _FIRST + _COUNT, _FIRST + _COUNT + 1, _FIRST + _COUNT + 2
MASTER = _FIRST + _COUNT + 3
OTHERS = (ZYGOTE, FRONT, BUILDER, MASTER)
"""Those that are no tenant's."""


def is_root() -> bool:
    return os.geteuid() == 0


def tenant_user(oid: int, server: int = 0) -> int | None:
    """The user id of the tenant whose database has that oid, which a renaming keeps and no other gets.

    server: its range, below RANGES. None where the installation is not root's: all run as the same user.
    """
    return _FIRST + server * _OF_RANGE + oid % _OF_RANGE if is_root() else None


def builder_user() -> int | None:
    """The user id of the Odoo that builds templates; None where the installation is not root's."""
    return BUILDER if is_root() else None


def master_user() -> int | None:
    """The user id of the back office's Odoo; None where the installation is not root's."""
    return MASTER if is_root() else None


def kill_orphans_of(user: int) -> None:
    """End what a tenant's process left behind when it ended: no parent of another user waits for it."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == user and _is_orphan(process, user):
                process.kill()


def _is_orphan(process: psutil.Process, user: int) -> bool:
    """Of the tenant's Odoo that installs modules the engine is an ancestor, with bubblewrap between."""
    above = process.parent()
    while above is not None and above.uids().real == user:
        above = above.parent()
    return above is None or above.pid == 1


def hand_over(folder: Path, user: int | None) -> None:
    """Make sure the folder and those in it are the user's; the files may be others' too, and are not.

    They are hard links to a template's files, which a tenant may remove from its folder but never write.
    Raises FileNotFoundError.
    """
    owner = folder.stat().st_uid
    if user is None or owner == user:
        return
    for _path, _folders, _files, descriptor in os.fwalk(folder, topdown=False):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.fchown(descriptor, user, user)
            os.fchmod(descriptor, 0o700)
