"""The user ids of processes that root starts: one for each tenant; none of them is in passwd.

They are from a range of the 32 bits that neither distributions nor systemd's containers use.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import psutil

from tenantry.agreed import SESSIONS_FOLDER

_FIRST, _COUNT = 0x7000_0000, 0x0FFF_0000
RANGES = 16
"""Each server of a machine has its own part of the range: oids of different clusters may be equal."""
_OF_RANGE = _COUNT // RANGES
ZYGOTE, FRONT, BUILDER = _FIRST + _COUNT, _FIRST + _COUNT + 1, _FIRST + _COUNT + 2
MASTER, RELAY, READER = _FIRST + _COUNT + 3, _FIRST + _COUNT + 4, _FIRST + _COUNT + 5
OTHERS = (ZYGOTE, FRONT, BUILDER, MASTER, RELAY, READER)
"""The user ids that belong to no tenant."""


def is_root() -> bool:
    return os.geteuid() == 0


def tenant_user(oid: int, server: int = 0) -> int | None:
    """The user id of the tenant whose database has this oid. A database keeps its oid when it is renamed.

    server: the number of the server's range, below RANGES. None where root does not run the installation:
    then all processes run as the same user.
    """
    return _FIRST + server * _OF_RANGE + oid % _OF_RANGE if is_root() else None


def is_tenant(user: int | None) -> bool:
    """Whether it is the user id of a tenant of this machine."""
    return user is not None and _FIRST <= user < _FIRST + _COUNT


def is_tenants(user: int | None, oid: int) -> bool:
    """Whether it is the user id of the tenant whose database has this oid, on any server of this machine."""
    return user is not None and is_tenant(user) and (user - _FIRST) % _OF_RANGE == oid % _OF_RANGE


def builder_user() -> int | None:
    """The user id of the Odoo that builds templates; None where root does not run the installation."""
    return BUILDER if is_root() else None


def master_user() -> int | None:
    """The user id of the back office's Odoo; None where root does not run the installation."""
    return MASTER if is_root() else None


def kill_orphans_of(user: int) -> None:
    """Kill the orphans of a tenant's process: processes of that user that no other user's process started."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == user and _is_orphan(process, user):
                process.kill()


def _is_orphan(process: psutil.Process, user: int) -> bool:
    """An Odoo that installs modules for the tenant is no orphan: the engine is its ancestor."""
    above = process.parent()
    while above is not None and above.uids().real == user:
        above = above.parent()
    return above is None or above.pid == 1


def chown_folders(folder: Path, user: int | None) -> None:
    """Change the owner of the folder and of the folders in it to the user, but not of the files.

    The files are hard links to a template's files: a tenant may remove them from its folder, but not write
    them. Raises FileNotFoundError.
    """
    owner = folder.stat().st_uid
    if user is None or owner == user:
        return
    for _path, _folders, _files, descriptor in os.fwalk(folder, topdown=False):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.fchown(descriptor, user, user)
            os.fchmod(descriptor, 0o700)


def chown_sessions(folder: Path, user: int | None) -> None:
    """Change the owner of the sessions in a filestore to the user: they are no links to other files."""
    sessions = folder / SESSIONS_FOLDER
    if sessions.is_dir():
        chown_folders(sessions, user)
    for file in [entry for entry in sessions.rglob("*") if entry.is_file()]:
        file.chmod(0o600)
        if user is not None:
            os.chown(file, user, user)
